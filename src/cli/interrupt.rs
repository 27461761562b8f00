//! Ctrl-C: a range of seeds ends after the seed at hand and reports what it has; anything else ends at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Exit;

/// Whether somebody looks at [`wanted`] between seeds.
static PATIENT: AtomicBool = AtomicBool::new(false);
static WANTED: AtomicBool = AtomicBool::new(false);

/// Takes over Ctrl-C. Without it, Ctrl-C ends the process without a word, which is bearable.
pub(super) fn install() {
    let _ = ctrlc::set_handler(|| {
        let second = WANTED.swap(true, Ordering::Relaxed);
        if second || !PATIENT.load(Ordering::Relaxed) {
            let _ = std::io::stderr().write_all(b"interrupted\n");
            std::process::exit(i32::from(Exit::Incomplete as u8));
        }
    });
}

/// From now on somebody looks at [`wanted`].
pub(super) fn be_patient() {
    PATIENT.store(true, Ordering::Relaxed);
}

/// From now on nobody does.
pub(super) fn be_prompt() {
    PATIENT.store(false, Ordering::Relaxed);
}

/// Whether Ctrl-C was pressed.
pub(super) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}
