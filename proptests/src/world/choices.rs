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
        moves.extend(numbers(self.all_tenants().len()).map(|which| Move::ObserveTenant { which }));
        moves.extend(numbers(self.all_objects().len()).map(|which| Move::Observe { which }));
        let known = self.known_objects();
        moves.extend(numbers(self.unshown_secrets().len()).map(|which| Move::ShowSecret { which }));
        let rechecked = self.rechecked();
        for (which, uid) in numbers(rechecked.len()).zip(&rechecked) {
            moves.extend(self.has_news(uid).then_some(Move::AskAgain { which }));
        }
        moves.extend(numbers(self.answered().len()).map(|which| Move::Learn { which }));
        moves.extend(numbers(self.spoiled().len()).map(|which| Move::NoticeSecret { which }));
        let asked_again = self.asked_again();
        for (which, uid) in numbers(asked_again.len()).zip(&asked_again) {
            moves.extend(self.has_news_of_cluster(uid).then_some(Move::AskCluster { which }));
        }
        let answered = numbers(self.answered_questions().len());
        moves.extend(answered.map(|which| Move::LearnOfCluster { which }));
        let spoiled = numbers(self.spoiled_clusters().len());
        moves.extend(spoiled.map(|which| Move::NoticeCluster { which }));
        for (which, object) in numbers(known.len()).zip(&known) {
            moves.push(Move::Facts { which });
            moves.push(Move::ObserveOperation { which });
            if matches!(object, Object::Deployment(_)) {
                moves.push(Move::Report { which });
            }
            let obligations = numbers(self.count_obligations(object));
            moves.extend(obligations.map(|choice| Move::Discharge { which, choice }));
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
        let applications = &self.world.argocd.applications;
        for (which, one) in numbers(applications.len()).zip(applications) {
            let outcomes = self.outcomes(&one.application);
            moves.extend(outcomes.iter().map(|&goes_well| Move::RunSync { which, goes_well }));
        }
        moves
    }

    /// The deadlines that are pending.
    pub fn waking_moves(&self) -> Vec<Move> {
        let known = self.known_objects();
        let objects = known.iter().filter_map(|object| self.wake_at(object)).count();
        let operations = self.operations.values().filter_map(Operation::wake_at).count();
        numbers(objects + operations).map(|which| Move::Wake { which }).collect()
    }

    /// What goes wrong: stale and repeated observations, a process that dies, requests that are
    /// refused, rows that are collected early, time that passes while there is something to do.
    pub fn faulty_moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let all = self.all_objects();
        for (which, object) in numbers(all.len()).zip(&all) {
            let count = match object {
                Object::Deployment(uid) => self.history.get(uid).map_or(0, Vec::len),
                Object::SyncRun(uid) => self.run_history.get(uid).map_or(0, Vec::len),
                Object::Credential(uid) => self.credential_history.get(uid).map_or(0, Vec::len),
                Object::Environment(uid) => self.environment_history.get(uid).map_or(0, Vec::len),
            };
            moves.extend(numbers(count).map(|back| Move::ObserveStale { which, back }));
        }
        for which in numbers(self.known_objects().len()) {
            moves
                .extend([false, true].map(|failed| Move::ObserveFormerOperation { which, failed }));
        }
        moves.extend(numbers(self.unwritten().len()).map(|which| Move::Crash { which }));
        moves.extend(self.underway.iter().map(|_| Move::Arrive));
        moves.extend(numbers(self.operations.len()).map(|which| Move::Refuse { which }));
        let rows = self.world.database.operations.iter();
        let finished = rows.filter(|one| one.state.is_terminal()).count();
        moves.extend(numbers(finished).map(|which| Move::CollectOperation { which }));
        moves.extend(numbers(self.overtaken().len()).map(|which| Move::LearnLate { which }));
        let overtaken = numbers(self.overtaken_checks().len());
        moves.extend(overtaken.map(|which| Move::LearnOfClusterLate { which }));
        moves.extend(self.waking_moves());
        moves
    }
}
