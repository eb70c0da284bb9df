//! What operators change between two runs of a process: its sealing keys, and isolation. Each change has
//! all processes replaced, one after the other, as a rolling update does.

use std::time::Duration;

use fastrand::Rng;
use schema::sealing::Keyring;
use schema::store::sealed::rotation::{Unopened, rotate_page};
use tokio::time::Instant;

use crate::environment::stage::Stage;
use crate::environment::storage::at_once;
use crate::faults::swarm::{Faults, Swarm};

/// Apart from the other choices of a seed.
const OTHER_CHOICES: u64 = 0x6f70_6572;
/// The longest pause between two changes: some processes live long enough to do something.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The key that a database is made with.
const FIRST: &str = "simulated=c2ltdWxhdGVkIHNlYWxpbmcga2V5IG9mIDMyIGJ5dGU=";
/// The key that it is rotated to.
const NEXT: &str = "next=dGhlIG5leHQgc2VhbGluZyBrZXkgb2YgMzIgYnl0ZXM=";
/// A key of the same name that is another one.
const IMPOSTOR: &str = "simulated=YW5vdGhlciBzZWFsaW5nIGtleSBvZiAzMiBieXRlcyE=";
/// Keys of another database.
const FOREIGN: &str = "foreign=YW5vdGhlciBzZWFsaW5nIGtleSBvZiAzMiBieXRlcyE=";

/// What a process is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its sealing keys.
    pub keys: Keys,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { keys: Keys::First, isolation: true }
    }
}

/// Which sealing keys a process has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// The key that the database was made with.
    #[default]
    First,
    /// The same, and another one that seals.
    Rotating,
    /// None.
    Lost,
    /// Another key of the same name.
    Impostor,
    /// Those of another database.
    Foreign,
}

impl Keys {
    /// Whether they open everything that was ever sealed.
    pub fn open_everything(self) -> bool {
        self == Self::Rotating
    }

    /// Whether a process does nothing with credentials.
    pub fn are_wrong(self) -> bool {
        matches!(self, Self::Lost | Self::Impostor | Self::Foreign)
    }

    /// The keyring of a process.
    ///
    /// # Errors
    ///
    /// A key is none; that does not happen.
    pub fn keyring(self) -> anyhow::Result<Option<Keyring>> {
        let text = match self {
            Self::First => FIRST.to_owned(),
            Self::Rotating => format!("{NEXT},{FIRST}"),
            Self::Lost => return Ok(None),
            Self::Impostor => IMPOSTOR.to_owned(),
            Self::Foreign => FOREIGN.to_owned(),
        };
        Ok(Some(Keyring::parse(&text.into())?))
    }
}

/// Changes keys and isolation until the end, if these faults are in play; afterwards the keys open
/// everything again.
pub async fn act(stage: &Stage, swarm: &Swarm, faults: &Faults, seed: u64, end: Instant) {
    if !faults.keys && !faults.isolation {
        return;
    }
    let mut random = Rng::with_seed(seed ^ OTHER_CHOICES);
    loop {
        let pause = LONGEST_PAUSE.mul_f64(random.f64());
        if Instant::now() + pause >= end {
            break;
        }
        tokio::time::sleep(pause).await;
        let mut options = stage.options();
        if faults.isolation && random.bool() {
            options.isolation = !options.isolation;
            swarm.note("isolation");
        }
        if faults.keys && random.bool() {
            options.keys = other_keys(&mut random);
            swarm.note("keys");
        }
        stage.run_with(options);
        if options.keys == Keys::Rotating && random.bool() {
            tokio::time::sleep(LONGEST_PAUSE.mul_f64(random.f64()) / 4).await;
            rotate(stage);
        }
    }
    let keys = if faults.keys { Keys::Rotating } else { Keys::First };
    stage.run_with(Options { keys, ..stage.options() });
}

/// Right ones every other time: something is sealed and delivered in between.
fn other_keys(random: &mut Rng) -> Keys {
    let all =
        [Keys::First, Keys::Rotating, Keys::Rotating, Keys::Lost, Keys::Impostor, Keys::Foreign];
    all[random.usize(..all.len())]
}

/// `managed-gitops rotate-keys`, while processes run.
fn rotate(stage: &Stage) {
    let rotated = at_once(async {
        let Some(keyring) = Keys::Rotating.keyring()? else { return Ok(0) };
        let mut resealed = 0;
        let mut after = None;
        loop {
            let page =
                rotate_page(&stage.database, &keyring, after.as_ref(), Unopened::Keep).await?;
            resealed += page.resealed;
            after = page.next;
            if after.is_none() {
                return anyhow::Ok(resealed);
            }
        }
    });
    match rotated {
        Ok(resealed) => stage.journal.note("operator", format!("seals {resealed} values again")),
        Err(error) => stage.witness.violated("SIMULATOR", format!("{error:#}")),
    }
}
