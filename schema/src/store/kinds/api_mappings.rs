//! The mappings from the objects of a kind to its rows.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Query};
use sea_orm::{ActiveValue, ConnectionTrait, QueryOrder, QuerySelect, Select};

use crate::entity::api_cr_to_database_mapping::{ActiveModel, Column, Entity, Model};
use crate::entity::machine;
use crate::store::StoreError;
use crate::store::statements::insert_missing;

/// Mappings read by one statement of a scan.
const SCAN_PAGE: u64 = 2_000;

/// The mappings of one kind.
#[derive(Clone, Copy)]
pub(in crate::store) struct ApiMappings {
    /// `api_resource_type`.
    pub(in crate::store) object: &'static str,
    /// `db_relation_type`.
    pub(in crate::store) relation: &'static str,
}

/// A mapping.
pub(in crate::store) struct ApiMapping<'a> {
    /// The object's UID.
    pub(in crate::store) uid: &'a str,
    /// The row's key.
    pub(in crate::store) row: &'a str,
    /// The object's name.
    pub(in crate::store) name: &'a str,
    /// The object's namespace.
    pub(in crate::store) namespace: &'a str,
    /// The namespace's UID.
    pub(in crate::store) tenant: &'a str,
}

impl ApiMappings {
    /// All of them.
    pub(in crate::store) fn find(self) -> Select<Entity> {
        Entity::find()
            .filter(Column::ApiResourceType.eq(self.object))
            .filter(Column::DbRelationType.eq(self.relation))
    }

    /// These objects have these mappings and no others.
    pub(in crate::store) async fn put(
        self,
        tx: &impl ConnectionTrait,
        mappings: &[ApiMapping<'_>],
    ) -> Result<(), StoreError> {
        // A mapping has no foreign key: one of an earlier installation may name a row that is gone,
        // and an object has one mapping.
        Entity::delete_many()
            .filter(Column::ApiResourceType.eq(self.object))
            .filter(Column::ApiResourceUid.is_in(mappings.iter().map(|mapping| mapping.uid)))
            .filter(Column::DbRelationType.eq(self.relation))
            .filter(Column::DbRelationKey.is_not_in(mappings.iter().map(|mapping| mapping.row)))
            .exec(tx)
            .await?;
        let models = mappings.iter().map(|mapping| ActiveModel {
            api_resource_type: ActiveValue::Set(self.object.to_owned()),
            api_resource_uid: ActiveValue::Set(mapping.uid.to_owned()),
            db_relation_type: ActiveValue::Set(self.relation.to_owned()),
            db_relation_key: ActiveValue::Set(mapping.row.to_owned()),
            api_resource_name: ActiveValue::Set(mapping.name.to_owned()),
            api_resource_namespace: ActiveValue::Set(mapping.namespace.to_owned()),
            api_resource_namespace_uid: ActiveValue::Set(mapping.tenant.to_owned()),
        });
        insert_missing(tx, models).await
    }

    /// These objects have none.
    pub(in crate::store) async fn remove(
        self,
        tx: &impl ConnectionTrait,
        uids: impl Iterator<Item = &str>,
    ) -> Result<(), StoreError> {
        Entity::delete_many()
            .filter(Column::ApiResourceType.eq(self.object))
            .filter(Column::ApiResourceUid.is_in(uids))
            .filter(Column::DbRelationType.eq(self.relation))
            .exec(tx)
            .await?;
        Ok(())
    }

    /// A page of the mappings of objects that have no machine of the kind, in the order of their UIDs,
    /// starting after one.
    pub(in crate::store) async fn without_machine(
        self,
        database: &impl ConnectionTrait,
        kind: &'static str,
        after: &str,
    ) -> Result<Vec<Model>, StoreError> {
        let page = self
            .find()
            .filter(without_machine(kind))
            .filter(Column::ApiResourceUid.gt(after))
            .order_by_asc(Column::ApiResourceUid)
            .limit(SCAN_PAGE);
        Ok(page.all(database).await?)
    }
}

/// Whether the object of a mapping has no machine of the kind.
pub(in crate::store) fn without_machine(kind: &'static str) -> Expr {
    let same_uid =
        Expr::col((machine::Entity, machine::Column::Key)).equals((Entity, Column::ApiResourceUid));
    let machines = Query::select()
        .expr(Expr::val(1))
        .from(machine::Entity)
        .and_where(machine::Column::Kind.eq(kind))
        .and_where(same_uid)
        .to_owned();
    Expr::exists(machines).not()
}
