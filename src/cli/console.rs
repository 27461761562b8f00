//! Where output goes: the two standard streams, and files that are whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// The two standard streams.
pub(super) struct Console<'a> {
    /// Results.
    pub(super) out: &'a mut dyn Write,
    /// Everything else.
    pub(super) err: &'a mut dyn Write,
}

impl Console<'_> {
    /// Writes a result. A reader that has gone away (`| head`) is no error: it has what it wanted.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.stream(|out| out.write_all(text.as_bytes()))
    }

    /// Writes a long result piece by piece; otherwise like [`Console::say`].
    pub(super) fn stream(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let mut buffered = BufWriter::new(&mut *self.out);
        let ended = write(&mut buffered).and_then(|()| buffered.flush());
        if ended.is_err() {
            // Otherwise dropping the buffer would try, and fail, once more.
            let _ = buffered.into_parts();
        }
        match ended {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::bad_input(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Says something beside the result. Nobody is left to tell if that fails.
    pub(super) fn remark(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }
}

/// Writes a file so that its name never stands for half of it: under another name first, renamed when complete.
pub(super) fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let refused = |error| Failure::bad_input(format!("cannot write {}: {error}", path.display()));
    let failed = |error| Failure::broken(format!("cannot write {}: {error}", path.display()));
    // A rename would put a plain file in the place of a pipe or a device; `/dev/stdout` may well be a plain file.
    if path.starts_with("/dev") || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let file = OpenOptions::new().append(true).open(path).map_err(refused)?;
        return write_all(file, write).map_err(failed);
    }
    // A link goes on pointing where it points.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let partial = temporary(&path)?;
    let file = File::create(&partial).map_err(refused)?;
    write_all(file, write).and_then(|()| fs::rename(&partial, &path)).map_err(|error| {
        let _ = fs::remove_file(&partial);
        failed(error)
    })
}

/// Makes sure that a file could be written into a directory: better known before long work than after it.
pub(super) fn probe(directory: &Path) -> io::Result<()> {
    let probe = directory.join(format!(".foretell.{}.partial", std::process::id()));
    let written = fs::write(&probe, b"");
    let _ = fs::remove_file(&probe);
    written
}

fn write_all(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(file);
    write(&mut buffered)?;
    buffered.flush()
}

/// A name beside `path` that no other process uses.
fn temporary(path: &Path) -> Result<PathBuf, Failure> {
    let nameless = || Failure::bad_input(format!("{} is not the name of a file", path.display()));
    let name = path.file_name().ok_or_else(nameless)?;
    Ok(path.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let say = |kind| Console { out: &mut Broken(kind), err: &mut io::sink() }.say("text");
        assert_eq!(say(ErrorKind::BrokenPipe), Ok(()));
        assert!(say(ErrorKind::StorageFull).is_err());
    }

    #[test]
    fn a_file_is_whole_or_stays_as_it_was() {
        let directory = tempfile();
        let path = directory.join("trace.txt");
        write_file(&path, |out| out.write_all(b"first")).expect("it can be written");
        let failed = write_file(&path, |out| out.write_all(b"sec").and(Err(ErrorKind::StorageFull.into())));
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"first");
        assert_eq!(fs::read_dir(&directory).expect("it is there").count(), 1, "nothing is left behind");
        assert!(write_file(&directory.join("absent/trace.txt"), |_| Ok(())).is_err());
        fs::remove_dir_all(directory).expect("it was made here");
    }

    fn tempfile() -> PathBuf {
        let directory = std::env::temp_dir().join(format!("foretell-console-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("there is a place for temporary files");
        directory
    }
}
