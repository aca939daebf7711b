//! How does a test wait? For a condition, asked again and again, up to a bound; never for a time.

use std::thread;
use std::time::{Duration, Instant};

/// Asks until there is an answer.
///
/// # Panics
/// If there is none after `bound`; `what` says what was waited for.
pub fn until<T>(what: &str, bound: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < bound, "waited {bound:?} in vain for {what}");
        thread::sleep(BETWEEN);
    }
}

/// Between two questions.
const BETWEEN: Duration = Duration::from_millis(20);
