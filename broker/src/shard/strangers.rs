//! Whoever has not been upgraded yet, a few at a time: then the shard looks at all its sockets before the next of them.
//!
//! What a stranger asks for is dear (memory for a new connection, a TLS handshake, a page) and thousands may ask at once,
//! while a message of somebody who is here is cheap and waits for nobody's page. A runtime has one line for all of them;
//! so strangers have a line of their own, whose first ones join the others.

use rookery_protocol::limits;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

const AT_A_TIME: usize = limits::STRANGERS_AT_A_TIME as usize;

pub struct Strangers {
    last: Cell<u64>,
    /// So many may still go on before the sockets are looked at.
    left: Cell<usize>,
    line: RefCell<VecDeque<(u64, Waker)>>,
    /// Of the line, those whose moment comes; nobody else's meanwhile.
    called: RefCell<Vec<u64>>,
    joined: Notify,
}

impl Strangers {
    /// A line, and the task that calls from it for as long as its runtime lives.
    pub fn open() -> Rc<Strangers> {
        let strangers = Rc::new(Strangers {
            last: Cell::new(0),
            left: Cell::new(AT_A_TIME),
            line: RefCell::default(),
            called: RefCell::default(),
            joined: Notify::new(),
        });
        let calling = strangers.clone();
        tokio::task::spawn_local(async move { calling.call().await });
        strangers
    }

    /// `what` goes on only when it is this stranger's moment.
    pub fn patient<F: Future>(self: &Rc<Strangers>, what: F) -> Patient<F> {
        let id = self.last.get() + 1;
        self.last.set(id);
        Patient { id, waits: false, strangers: self.clone(), what: Box::pin(what) }
    }

    /// Calls a few after the other, for ever.
    async fn call(&self) {
        loop {
            self.joined.notified().await;
            loop {
                // Comes back when the sockets have been looked at, and whoever had something has been served.
                tokio::task::yield_now().await;
                self.left.set(AT_A_TIME);
                let mut line = self.line.borrow_mut();
                let few = line.len().min(AT_A_TIME);
                let mut called = self.called.borrow_mut();
                called.clear();
                for (id, waker) in line.drain(..few) {
                    called.push(id);
                    waker.wake();
                }
                if few == 0 {
                    break;
                }
            }
        }
    }

    fn may(&self, id: u64, waits: bool) -> bool {
        let mut called = self.called.borrow_mut();
        if waits {
            let mine = called.iter().position(|other| *other == id);
            return mine.map(|at| called.swap_remove(at)).is_some();
        }
        self.left.get() > 0 && called.is_empty() && self.line.borrow().is_empty()
    }
}

/// A future that waits for its moment whenever it could go on.
pub struct Patient<F> {
    id: u64,
    waits: bool,
    strangers: Rc<Strangers>,
    what: Pin<Box<F>>,
}

impl<F: Future> Future for Patient<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let strangers = &this.strangers;
        if !strangers.may(this.id, this.waits) {
            if !std::mem::replace(&mut this.waits, true) {
                strangers.line.borrow_mut().push_back((this.id, cx.waker().clone()));
                strangers.joined.notify_one();
            }
            return Poll::Pending;
        }
        this.waits = false;
        strangers.left.set(strangers.left.get().saturating_sub(1));
        this.what.as_mut().poll(cx)
    }
}

impl<F> Drop for Patient<F> {
    /// A call that nobody heeds holds up nobody.
    fn drop(&mut self) {
        self.strangers.called.borrow_mut().retain(|id| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::task::{spawn_local, yield_now};

    fn alone<F: Future>(what: F) -> F::Output {
        tokio::runtime::LocalRuntime::new().unwrap().block_on(what)
    }

    /// Says so each time it goes on, and goes on at once for so many times.
    fn busy(said: &Rc<RefCell<Vec<char>>>, who: char, times: usize) -> impl Future<Output = ()> + use<> {
        let (said, mut left) = (said.clone(), times);
        poll_fn(move |cx| {
            said.borrow_mut().push(who);
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn strangers_take_turns_and_others_go_between_a_few_of_them() {
        let said = Rc::new(RefCell::new(Vec::new()));
        alone(async {
            let strangers = Strangers::open();
            let all = ['a', 'b', 'c'].map(|who| spawn_local(strangers.patient(busy(&said, who, 4))));
            let told = said.clone();
            let resident = spawn_local(async move {
                for _ in 0..40 {
                    told.borrow_mut().push('-');
                    yield_now().await;
                }
            });
            for one in all {
                one.await.unwrap();
            }
            resident.await.unwrap();
        });
        let said: String = said.borrow().iter().collect();
        assert_eq!(said.replace('-', ""), "abcabcabcabc");
        assert!(said.split('-').all(|few| few.len() <= AT_A_TIME), "{said}");
        // There were more than go at a time, so somebody else went between.
        assert!(said.trim_matches('-').contains('-'), "{said}");
    }

    #[test]
    fn who_leaves_the_line_holds_up_nobody() {
        let said = Rc::new(RefCell::new(Vec::new()));
        alone(async {
            let strangers = Strangers::open();
            let [one, two, three] = ['a', 'b', 'c'].map(|who| spawn_local(strangers.patient(busy(&said, who, 3))));
            yield_now().await;
            two.abort();
            one.await.unwrap();
            three.await.unwrap();
            assert!(two.await.unwrap_err().is_cancelled());
        });
        let said: String = said.borrow().iter().filter(|who| **who != 'b').collect();
        assert_eq!(said, "acacac");
    }
}
