//! A sweep: many seeds of some scenarios, on several threads.
//!
//! Each thread takes the next seed that nobody has taken and runs it in a world of its own, so a seed is the same run
//! wherever and after whatever it runs. Each thread adds up what it saw; the sums are added at the end, and as neither
//! depends on order, the same range gives the same sums and the same digest with any number of threads.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Judgement, Mishap, Runner, Signature, Tally};
use crate::base::Digest;
use crate::base::time::nanos;
use crate::check::OracleId;
use crate::scenario::file::Diagnostic;
use crate::scenario::{Family, Run, Scenario, Settings};

/// What to sweep.
#[derive(Clone)]
pub struct Order<'a> {
    /// The scenarios; each is run with every seed.
    pub families: &'a [Family],
    /// The seeds.
    pub seeds: Range<u64>,
    /// Scenarios (by their place in `families`) and seeds to run before all others, whether in the range or not.
    pub first: &'a [(usize, u64)],
    /// Which oracles watch; those of each scenario if absent.
    pub oracles: Option<&'a [OracleId]>,
    /// How many threads.
    pub jobs: usize,
    /// Whether to stop at the first finding.
    pub fail_fast: bool,
    /// Whether to run every seed twice and compare.
    pub twice: bool,
    /// What earlier parts of the same sweep came to, by scenario; nothing if there were none. Part of the result.
    pub before: &'a [Tally],
    /// Asked before every run: whether to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// How far a sweep is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs that have ended.
    pub done: u64,
    /// Runs there are in all.
    pub all: u64,
    /// Of these, those that earlier parts had done; 0 for a sweep that knows of none.
    pub before: u64,
    /// Runs with a finding.
    pub findings: u64,
    /// Signatures among them.
    pub signatures: u64,
    /// Virtual time of all runs.
    pub virtual_time: Duration,
}

/// What a sweep came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Swept {
    /// For each scenario, its runs within the range. Findings of seeds outside the range, which were run because they
    /// failed before, are among the findings and count for nothing else.
    pub tallies: Vec<Tally>,
    /// Of the seeds that were to be run first: those that came out as they should.
    pub mended: BTreeSet<(usize, u64)>,
    /// Whether every seed was run.
    pub complete: bool,
    /// What went wrong with the sweep itself, and where.
    pub trouble: Option<Trouble>,
}

/// A seed without a result that can be trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// The scenario's place in the order.
    pub family: usize,
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub what: Wrong,
}

/// What can be wrong with a seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// What was chosen for it does not go together.
    Scenario(Vec<Diagnostic>),
    /// There was no run.
    Run(Mishap),
    /// It was run twice, and the runs differ: digest and verdict of each.
    Twofold([(Digest, &'static str); 2]),
}

/// How often whoever waits is told how far it is.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// Runs everything that is ordered, and tells `watch` from time to time how far it is.
pub fn sweep(runner: &Runner<'_>, order: &Order<'_>, watch: &mut dyn FnMut(&Progress)) -> Swept {
    let work = Work::new(order);
    let here = thread::current();
    let jobs = order.jobs.max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| {
                    let done = work.work(runner);
                    here.unpark();
                    done
                })
            })
            .collect();
        loop {
            let over = workers.iter().all(thread::ScopedJoinHandle::is_finished);
            watch(&work.progress());
            if over {
                break;
            }
            thread::park_timeout(WATCH_EVERY);
        }
        let mut swept = Swept::nothing(order.families, order.before);
        for worker in workers {
            let (tallies, trouble) = worker.join().expect("panics of runs are caught within the worker");
            swept.tallies.iter_mut().zip(&tallies).for_each(|(sum, part)| sum.merge(part));
            // One trouble stops all threads; of those that met one at the same time, the smallest seed is told.
            swept.trouble = [swept.trouble.take(), trouble].into_iter().flatten().min_by_key(Trouble::place);
        }
        swept.mended = std::mem::take(&mut *work.mended.lock().expect("nothing panics while it is locked"));
        swept.complete = work.is_complete() && swept.trouble.is_none();
        swept
    })
}

impl Swept {
    /// What a sweep of these scenarios has come to before any seed is run: what earlier parts of it came to, if there were any.
    pub fn nothing(families: &[Family], before: &[Tally]) -> Swept {
        let new = || families.iter().map(|family| Tally::new(family.expect())).collect();
        let tallies = if before.is_empty() { new() } else { before.to_vec() };
        Swept { tallies, mended: BTreeSet::new(), complete: false, trouble: None }
    }
}

impl Trouble {
    fn place(&self) -> (u64, usize) {
        (self.seed, self.family)
    }
}

/// What the threads share.
struct Work<'a> {
    order: &'a Order<'a>,
    /// What to run first, each once.
    first: Vec<(usize, u64)>,
    /// Those of `order.first` that are in the range; sorted, to be left out later.
    ahead: Vec<(u64, usize)>,
    /// The next place to be taken: first those of `order.first`, then the range, seed by seed.
    next: AtomicU64,
    places: u64,
    all: u64,
    before: u64,
    done: AtomicU64,
    findings: AtomicU64,
    virtual_nanos: AtomicU64,
    signatures: Mutex<BTreeSet<Signature>>,
    mended: Mutex<BTreeSet<(usize, u64)>>,
    stopped: AtomicBool,
}

impl<'a> Work<'a> {
    fn new(order: &'a Order<'a>) -> Work<'a> {
        let families = order.families.len() as u64;
        let mut first = order.first.to_vec();
        first.sort_unstable();
        first.dedup();
        let in_range = |(_, seed): &&(usize, u64)| order.seeds.contains(seed);
        let mut ahead: Vec<(u64, usize)> =
            first.iter().filter(in_range).map(|(family, seed)| (*seed, *family)).collect();
        ahead.sort_unstable();
        assert!(first.iter().all(|(family, _)| *family < order.families.len()));
        assert!(order.before.is_empty() || order.before.len() == order.families.len());
        let before = |of: &dyn Fn(&Tally) -> u64| order.before.iter().map(of).fold(0, u64::saturating_add);
        let groups = order.before.iter().flat_map(Tally::groups).filter(|group| !group.expected);
        let signatures = groups.map(|group| group.signature.clone());
        // Nobody lives to see the end of a range that is cut here.
        let range = (order.seeds.end.saturating_sub(order.seeds.start)).saturating_mul(families);
        let places = range.saturating_add(first.len() as u64);
        Work {
            order,
            first,
            mended: Mutex::default(),
            next: AtomicU64::new(0),
            places,
            before: before(&|tally| tally.runs),
            all: before(&|tally| tally.runs).saturating_add(places - ahead.len() as u64),
            ahead,
            done: AtomicU64::new(before(&|tally| tally.runs)),
            findings: AtomicU64::new(before(&Tally::unexpected)),
            virtual_nanos: AtomicU64::new(before(&|tally| nanos(tally.virtual_time))),
            signatures: Mutex::new(signatures.collect()),
            stopped: AtomicBool::new(false),
        }
    }

    /// The next scenario and seed; none if there are no more, or if it is time to stop.
    fn take(&self) -> Option<(usize, u64)> {
        loop {
            if self.stopped.load(Ordering::Relaxed) || (self.order.stop)() {
                return None;
            }
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            if place >= self.places {
                return None;
            }
            let first = self.first.len() as u64;
            if place < first {
                return Some(self.first[place as usize]);
            }
            let families = self.order.families.len() as u64;
            let (seed, family) =
                (self.order.seeds.start + (place - first) / families, ((place - first) % families) as usize);
            if self.ahead.binary_search(&(seed, family)).is_err() {
                return Some((family, seed));
            }
        }
    }

    fn work(&self, runner: &Runner<'_>) -> (Vec<Tally>, Option<Trouble>) {
        let mut tallies = Swept::nothing(self.order.families, &[]).tallies;
        // A scenario that is the same for every seed is taken once, and not for every seed.
        let fixed: Vec<Option<Scenario>> = self.order.families.iter().map(|family| family.only().cloned()).collect();
        while let Some((family, seed)) = self.take() {
            match self.run(runner, family, fixed[family].as_ref(), seed) {
                Ok(run) => self.note(&mut tallies[family], family, &run),
                Err(what) => {
                    self.stopped.store(true, Ordering::Relaxed);
                    return (tallies, Some(Trouble { family, seed, what }));
                }
            }
        }
        (tallies, None)
    }

    fn run(&self, runner: &Runner<'_>, family: usize, fixed: Option<&Scenario>, seed: u64) -> Result<Run, Wrong> {
        let chosen;
        let scenario = match fixed {
            Some(scenario) => scenario,
            None => {
                chosen = self.order.families[family].scenario(seed).map_err(Wrong::Scenario)?;
                &chosen
            }
        };
        let settings =
            Settings { seed, oracles: self.order.oracles.map(<[OracleId]>::to_vec), trace: false, record: false };
        let run = runner.run(scenario, &settings).map_err(Wrong::Run)?;
        if self.order.twice {
            let again = runner.run(scenario, &settings).map_err(Wrong::Run)?;
            if again.digest != run.digest || again.verdict != run.verdict {
                return Err(Wrong::Twofold([&run, &again].map(|run| (run.digest, run.verdict.word()))));
            }
        }
        Ok(run)
    }

    fn note(&self, tally: &mut Tally, family: usize, run: &Run) {
        let judgement = if self.order.seeds.contains(&run.seed) {
            tally.add(run)
        } else {
            tally.remember(run);
            Judgement::of(self.order.families[family].expect(), &run.verdict)
        };
        if judgement.is_met() && self.first.binary_search(&(family, run.seed)).is_ok() {
            self.mended.lock().expect("nothing panics while it is locked").insert((family, run.seed));
        }
        if let (Judgement::Found, Some(violation)) = (judgement, run.verdict.finding()) {
            self.findings.fetch_add(1, Ordering::Relaxed);
            self.signatures.lock().expect("nothing panics while it is locked").insert(Signature::of(violation));
            if self.order.fail_fast {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        self.virtual_nanos.fetch_add(nanos(run.virtual_time), Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.done.load(Ordering::Relaxed),
            all: self.all,
            before: self.before,
            findings: self.findings.load(Ordering::Relaxed),
            signatures: self.signatures.lock().expect("nothing panics while it is locked").len() as u64,
            virtual_time: Duration::from_nanos(self.virtual_nanos.load(Ordering::Relaxed)),
        }
    }

    fn is_complete(&self) -> bool {
        self.done.load(Ordering::Relaxed) == self.all
    }
}
