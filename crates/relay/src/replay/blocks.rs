//! The log in blocks of whole lines: read by one thread, played by several, counted in order.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::decide::{Decider, Pair};
use super::envelope::{Kind, Obstacle};
use super::report::Report;
use super::tally::Tally;
use crate::config::Config;

/// Plays a log under both configurations.
///
/// # Errors
/// When the log cannot be read.
pub fn replay(
    old: &Config,
    new: &Config,
    log: impl Read,
    threads: NonZeroUsize,
) -> io::Result<Report> {
    let pair = Pair::new(old, new);
    let tally = if threads.get() == 1 {
        alone(&pair, log)?
    } else {
        together(&pair, log, threads)?
    };
    Ok(Report::new(old, new, tally))
}

/// Whole lines.
struct Block {
    text: Vec<u8>,
    /// Whether a line behind them was too long to be read.
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Continue,
    TooLong,
}

/// A block, and where what is found in it goes.
type Job = (Block, SyncSender<Tally>);

fn alone(pair: &Pair<'_>, log: impl Read) -> io::Result<Tally> {
    let mut decider = Decider::new(pair);
    let mut blocks = Blocks::new(log);
    let mut all = Tally::default();
    while let Some(block) = blocks.next()? {
        all.append(play(&mut decider, &block));
        blocks.give_back(block);
    }
    Ok(all)
}

fn together(pair: &Pair<'_>, log: impl Read, threads: NonZeroUsize) -> io::Result<Tally> {
    let (send, receive) = sync_channel::<Job>(threads.get());
    let receive = Mutex::new(receive);
    thread::scope(|scope| {
        // Dropped when this is left, by an error too: then the workers end.
        let send = send;
        for _ in 0..threads.get() {
            scope.spawn(|| work(pair, &receive));
        }
        let mut blocks = Blocks::new(log);
        let mut waiting: VecDeque<Receiver<Tally>> = VecDeque::new();
        let mut all = Tally::default();
        while let Some(block) = blocks.next()? {
            let (found, played) = sync_channel(1);
            send.send((block, found)).map_err(|_| lost())?;
            waiting.push_back(played);
            if waiting.len() > 2 * threads.get()
                && let Some(oldest) = waiting.pop_front()
            {
                all.append(oldest.recv().map_err(|_| lost())?);
            }
        }
        for played in waiting {
            all.append(played.recv().map_err(|_| lost())?);
        }
        Ok(all)
    })
}

fn work(pair: &Pair<'_>, jobs: &Mutex<Receiver<Job>>) {
    let mut decider = Decider::new(pair);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, found)) = job else { return };
        // Nobody waits for it any more when the log could not be read further.
        let _ = found.send(play(&mut decider, &block));
    }
}

fn play(decider: &mut Decider<'_>, block: &Block) -> Tally {
    let (mut tally, mut kind) = (Tally::default(), Kind::default());
    match str::from_utf8(&block.text) {
        // Looked at as a whole, which is much faster than line by line.
        Ok(text) => {
            for line in text.lines() {
                tally.line(decider, &mut kind, line);
            }
        }
        Err(_somewhere) => {
            let whole = block.text.strip_suffix(b"\n").unwrap_or(&block.text);
            for line in whole.split(|octet| *octet == b'\n') {
                match str::from_utf8(line) {
                    Ok(line) => tally.line(decider, &mut kind, line),
                    Err(_) => tally.unreadable(&Obstacle::Utf8),
                }
            }
        }
    }
    if block.then == Then::TooLong {
        tally.unreadable(&Obstacle::TooLong(LONGEST_LINE));
    }
    tally
}

fn lost() -> io::Error {
    io::Error::other("a thread that decides has ended")
}

/// Cuts what is read into blocks.
struct Blocks<R> {
    log: R,
    /// The beginning of the next block: a line that has not ended.
    begun: Vec<u8>,
    spare: Vec<u8>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    fn new(log: R) -> Self {
        Self {
            log,
            begun: Vec::new(),
            spare: Vec::new(),
            ended: false,
        }
    }

    fn next(&mut self) -> io::Result<Option<Block>> {
        let mut text = std::mem::take(&mut self.begun);
        let mut wanted = BLOCK;
        loop {
            self.fill(&mut text, wanted)?;
            if self.ended {
                return Ok((!text.is_empty()).then_some(Block {
                    text,
                    then: Then::Continue,
                }));
            }
            if let Some(end) = memchr::memrchr(b'\n', &text) {
                self.begun = std::mem::take(&mut self.spare);
                self.begun.clear();
                self.begun
                    .extend_from_slice(text.get(end + 1..).unwrap_or_default());
                text.truncate(end + 1);
                return Ok(Some(Block {
                    text,
                    then: Then::Continue,
                }));
            }
            if text.len() > LONGEST_LINE {
                self.skip_line()?;
                return Ok(Some(Block {
                    text: Vec::new(),
                    then: Then::TooLong,
                }));
            }
            wanted = text.len() + BLOCK;
        }
    }

    /// Reads until there is as much as that, or no more.
    fn fill(&mut self, text: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(text.len());
        text.reserve(missing);
        let most = u64::try_from(missing).unwrap_or(u64::MAX);
        let read = self.log.by_ref().take(most).read_to_end(text)?;
        self.ended = read < missing;
        Ok(())
    }

    /// Passes over the rest of a line; what is behind it begins the next block.
    fn skip_line(&mut self) -> io::Result<()> {
        let mut piece = Vec::new();
        loop {
            piece.clear();
            self.fill(&mut piece, BLOCK)?;
            if let Some(end) = memchr::memchr(b'\n', &piece) {
                self.begun = piece.split_off(end + 1);
                return Ok(());
            }
            if self.ended {
                return Ok(());
            }
        }
    }

    /// Memory that can be used again.
    fn give_back(&mut self, block: Block) {
        self.spare = block.text;
    }
}

/// As much as is read at a time: little enough to stay in a cache of the processor.
const BLOCK: usize = 256 << 10;

/// Enough for a certificate with the most names and a transaction with the most recipients.
const LONGEST_LINE: usize = 16 << 20;
