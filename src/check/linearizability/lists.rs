//! The open operations of a configuration.

/// The open operations that are not taken, in the order of their calls: reads in one ring, the others in another.
///
/// An operation that is unlinked keeps its neighbours, so that unlinking can be undone in reverse order.
pub(super) struct Lists {
    next: Vec<u32>,
    previous: Vec<u32>,
    writes: u32,
    reads: u32,
}

impl Lists {
    pub fn new(ops: usize) -> Lists {
        let writes = u32::try_from(ops).expect("fewer operations than there is memory");
        let ring: Vec<u32> = (0..writes + 2).collect();
        Lists { next: ring.clone(), previous: ring, writes, reads: writes + 1 }
    }

    pub fn first_write(&self) -> Option<u32> {
        self.next(self.writes)
    }

    pub fn first_read(&self) -> Option<u32> {
        self.next(self.reads)
    }

    /// The one after this; also right after this one has been unlinked.
    pub fn next(&self, op: u32) -> Option<u32> {
        Some(self.next[op as usize]).filter(|next| *next < self.writes)
    }

    /// Adds an operation at the end of its ring.
    pub fn append(&mut self, op: u32, read: bool) {
        let end = if read { self.reads } else { self.writes };
        self.previous[op as usize] = self.previous[end as usize];
        self.next[op as usize] = end;
        self.relink(op);
    }

    /// Takes an operation out.
    pub fn unlink(&mut self, op: u32) {
        let (previous, next) = (self.previous[op as usize], self.next[op as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    /// Puts back the operation that was taken out last.
    pub fn relink(&mut self, op: u32) {
        let (previous, next) = (self.previous[op as usize], self.next[op as usize]);
        self.next[previous as usize] = op;
        self.previous[next as usize] = op;
    }
}
