//! Other versions of the program on the same cluster and database: an early one that was stopped before,
//! and the one before this, which runs beside it.

mod early;
mod flaps;
mod load;
mod newer;
mod replica;
mod rolling;
