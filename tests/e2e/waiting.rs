//! Waiting in no time: ten minutes of the program's are too long for a test.

use std::time::Duration;

use schema::connection::Database;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;

/// The members of a machine's state that are moments which it waits for.
const MOMENTS: [&str; 3] = ["until", "limit", "deadline"];

/// Brings each moment that the machines of a kind wait for so much nearer. The program must not run: it
/// writes what it knows, and reads its database only when it starts.
pub async fn shorten(database: &Database, kind: &str, time: Duration) {
    let milliseconds = i64::try_from(time.as_millis()).unwrap();
    let connection = database.connection();
    let backend = connection.get_database_backend();
    let select = "SELECT key, state FROM machine WHERE kind = $1";
    let select = Statement::from_sql_and_values(backend, select, [kind.into()]);
    for row in connection.query_all_raw(select).await.unwrap() {
        let (key, state) = row.try_get_many_by_index::<(String, String)>().unwrap();
        let mut state = serde_json::from_str(&state).unwrap();
        bring_nearer(&mut state, milliseconds);
        let values = [state.to_string().into(), milliseconds.into(), kind.into(), key.into()];
        let update =
            "UPDATE machine SET state = $1, wake_at = wake_at - $2 WHERE kind = $3 AND key = $4";
        let update = Statement::from_sql_and_values(backend, update, values);
        connection.execute_raw(update).await.unwrap();
    }
}

fn bring_nearer(value: &mut Value, milliseconds: i64) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_i64() {
                    Some(moment) if MOMENTS.contains(&name.as_str()) => {
                        *value = (moment - milliseconds).into();
                    }
                    _ => bring_nearer(value, milliseconds),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|one| bring_nearer(one, milliseconds)),
        _ => {}
    }
}
