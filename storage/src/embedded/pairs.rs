//! Pairs of a range, from either end; where a block of what leads to others is damaged, from its second copy.

use super::faults::fault;
use super::moments::Moment;
use super::space::Space;
use super::view::say_second;
use crate::settled::Fault;
use bytes::Bytes;
use lsm_tree::{AbstractTree, AnyTree, Guard, IterGuardImpl};
use std::sync::Arc;

type Inner = Box<dyn DoubleEndedIterator<Item = IterGuardImpl> + Send>;

/// A fault ends them.
pub struct Pairs {
    inner: Option<Inner>,
    /// Bytes before each key in the tree.
    before: usize,
    second: Option<Box<Second>>,
}

/// Where to go on after damage: what of the range was not told yet.
pub struct Second {
    pub tree: AnyTree,
    pub moment: Arc<Moment>,
    pub space: Space,
    pub from: Vec<u8>,
    pub to: Vec<u8>,
}

impl Second {
    fn inner(&self) -> Inner {
        let bounds = self.space.second(&self.from)..self.space.second(&self.to);
        self.tree.range(bounds, self.moment.number(), None)
    }
}

#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

impl Pairs {
    pub fn none() -> Pairs {
        Pairs { inner: None, before: 1, second: None }
    }

    pub fn new(inner: Inner, second: Option<Second>) -> Pairs {
        Pairs { inner: Some(inner), before: 1, second: second.map(Box::new) }
    }

    fn step(&mut self, end: End) -> Option<Result<(Bytes, Bytes), Fault>> {
        let inner = self.inner.as_mut()?;
        let guard = match end {
            End::Front => inner.next(),
            End::Back => inner.next_back(),
        };
        match guard?.into_inner().map_err(fault) {
            Ok((key, value)) => {
                // Copied, so that what is handed on does not hold on to whole blocks.
                let key = Bytes::copy_from_slice(key.get(self.before..).unwrap_or_default());
                if let Some(second) = &mut self.second {
                    match end {
                        End::Front => {
                            second.from.clear();
                            second.from.extend_from_slice(&key);
                            second.from.push(0);
                        }
                        End::Back => {
                            second.to.clear();
                            second.to.extend_from_slice(&key);
                        }
                    }
                }
                Some(Ok((key, Bytes::copy_from_slice(&value))))
            }
            Err(Fault::Damaged { .. }) if self.second.is_some() => {
                self.inner = self.second.take().filter(|second| second.from < second.to).map(|second| {
                    say_second(second.space);
                    second.inner()
                });
                self.before = Space::BEFORE_SECOND;
                self.step(end)
            }
            Err(fault) => {
                self.inner = None;
                Some(Err(fault))
            }
        }
    }
}

impl Iterator for Pairs {
    type Item = Result<(Bytes, Bytes), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(End::Front)
    }
}

impl DoubleEndedIterator for Pairs {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(End::Back)
    }
}
