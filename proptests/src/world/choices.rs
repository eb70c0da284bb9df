//! The possible moves at a moment, for exhaustive exploration.

use super::*;
use machines::machine::Machine;

fn numbers(count: usize) -> std::ops::Range<u8> {
    0..u8::try_from(count).unwrap_or(u8::MAX)
}

impl Cluster {
    /// What happens spontaneously if nothing goes wrong: observations of the current state,
    /// required effects, Argo CD's own work. Time is not included; see [`Cluster::waking_moves`].
    pub fn helpful_moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let tenants: BTreeSet<&TenantUid> = self.places.values().map(|place| &place.0).collect();
        moves.extend(numbers(tenants.len()).map(|which| Move::ObserveTenant { which }));
        moves.extend(numbers(self.places.len()).map(|which| Move::Observe { which }));
        for (which, machine) in numbers(self.deployments.len()).zip(self.deployments.values()) {
            moves.push(Move::Facts { which });
            moves.push(Move::ObserveOperation { which });
            moves.push(Move::Report { which });
            let obligations = machine.obligations(STYLE).len();
            moves.extend(numbers(obligations).map(|choice| Move::Discharge { which, choice }));
        }
        moves.extend(
            numbers(self.known_operations().len()).map(|which| Move::ClaimOperation { which }),
        );
        for which in numbers(self.operations.len()) {
            moves.push(Move::ObserveArgo { which });
            moves.push(Move::DischargeOperation { which });
        }
        moves.extend(
            numbers(self.world.argocd.applications.len()).map(|which| Move::Sync { which }),
        );
        moves
    }

    /// The deadlines that are pending.
    pub fn waking_moves(&self) -> Vec<Move> {
        let deployments = self.deployments.values().filter_map(Deployment::wake_at).count();
        let operations = self.operations.values().filter_map(Operation::wake_at).count();
        numbers(deployments + operations).map(|which| Move::Wake { which }).collect()
    }

    /// What goes wrong: stale and repeated observations, a process that dies, requests that are
    /// refused, rows that are collected early, time that passes while there is something to do.
    pub fn faulty_moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (which, versions) in numbers(self.places.len()).zip(self.places.keys()) {
            let count = self.history.get(versions).map_or(0, Vec::len);
            moves.extend(numbers(count).map(|back| Move::ObserveStale { which, back }));
        }
        for which in numbers(self.deployments.len()) {
            moves
                .extend([false, true].map(|failed| Move::ObserveFormerOperation { which, failed }));
        }
        moves.extend(numbers(self.obligations().len()).map(|which| Move::Crash { which }));
        moves.extend(self.underway.iter().map(|_| Move::Arrive));
        moves.extend(numbers(self.operations.len()).map(|which| Move::Refuse { which }));
        let rows = self.world.database.operations.iter();
        let finished = rows.filter(|one| one.state.is_terminal()).count();
        moves.extend(numbers(finished).map(|which| Move::CollectOperation { which }));
        moves.extend(self.waking_moves());
        moves
    }
}
