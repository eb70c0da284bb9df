//! The questions that processes have asked the servers of tenants.

use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Debug, Default)]
struct State {
    asked: u64,
    /// Whom a question is under way to, once for each.
    asking: Vec<String>,
}

/// See the module; clones share the questions.
#[derive(Clone, Debug, Default)]
pub struct Questions(Arc<Mutex<State>>);

impl Questions {
    /// Notes a question, which is under way until what this returns is dropped.
    pub fn begin(&self, server: &str) -> Asking<'_> {
        let mut state = self.0.lock();
        state.asked += 1;
        state.asking.push(server.to_owned());
        Asking { questions: self, server: server.to_owned() }
    }

    /// How many were asked.
    pub fn asked(&self) -> u64 {
        self.0.lock().asked
    }

    /// Whom questions are under way to, once for each question.
    pub fn asking(&self) -> Vec<String> {
        self.0.lock().asking.clone()
    }
}

/// A question that is not answered yet.
pub struct Asking<'a> {
    questions: &'a Questions,
    server: String,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.questions.0.lock();
        if let Some(place) = state.asking.iter().position(|one| *one == self.server) {
            state.asking.swap_remove(place);
        }
    }
}
