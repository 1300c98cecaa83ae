//! Asks: on a thread of its own, so that no shard waits. Questions of a realm wait in one bounded queue, so many are under way
//! at a time, and each has an end, whatever the backend does.

use super::super::settings::{AuthSettings, RealmAuth};
use super::answer::{self, Answer};
use super::link::{Letter, Link, Trouble};
use super::question::{self, Question};
use super::settings::HookSettings;
use super::sign;
use crate::net::reach::Target;
use bytes::Bytes;
use parking_lot::Mutex;
use rookery_protocol::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// What came of a question: the answer, or why there is none.
pub type Outcome = Result<Answer, String>;

/// Takes the outcome, or gives it back for a moment later.
pub type Taker = Box<dyn FnMut(Outcome) -> Result<(), Outcome> + Send>;

pub struct Ask {
    question: Question,
    until: Instant,
    taker: Option<Taker>,
}

/// The hooks of a node's realms. Clones are the same.
#[derive(Clone, Default)]
pub struct Hooks(Arc<[Hook]>);

pub struct Hook {
    pub settings: HookSettings,
    queue: Sender<Ask>,
}

/// Asking ends when this is dropped.
pub struct Asking {
    pub hooks: Hooks,
    _running: watch::Sender<()>,
}

const THREAD: &str = "hook";
/// For a shard that takes no mail at present.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

impl Ask {
    fn answer(&mut self, outcome: Outcome) -> Result<(), Outcome> {
        match self.taker.as_mut().map(|taker| taker(outcome)) {
            Some(Err(back)) => Err(back),
            Some(Ok(())) | None => {
                self.taker = None;
                Ok(())
            }
        }
    }
}

/// Whoever waits is told, even if a task dies: it would wait for ever.
impl Drop for Ask {
    fn drop(&mut self) {
        let _ = self.answer(Err("nobody asked any more".to_owned()));
    }
}

impl Hooks {
    pub fn iter(&self) -> impl Iterator<Item = &Hook> {
        self.0.iter()
    }

    pub fn get(&self, index: usize) -> Option<&Hook> {
        self.0.get(index)
    }
}

impl Hook {
    /// False: too many questions wait already, and the taker was told.
    pub fn ask(&self, question: Question, taker: Taker) -> bool {
        let ask = Ask { question, until: Instant::now() + self.settings.deadline, taker: Some(taker) };
        self.queue.try_send(ask).map_err(|error| error.into_inner().taker = None).is_ok()
    }
}

/// Begins to ask for these realms.
pub fn begin(settings: Vec<HookSettings>, auth: &AuthSettings) -> Result<Asking, String> {
    let (running, mut ended) = watch::channel(());
    let mut hooks = Vec::new();
    let mut work = Vec::new();
    for settings in settings {
        let realm = &settings.realm;
        let wrong = |why: String| format!("hook of {realm}: {why}");
        let auth =
            auth.realms.iter().find(|auth| auth.realm == *realm).ok_or_else(|| wrong("no such realm".to_owned()))?;
        let target = Target::new(&settings.url, settings.roots.as_deref()).map_err(wrong)?;
        let (queue, asked) = channel(limits::HOOK_WAITING as usize);
        let backend = Backend {
            settings: settings.clone(),
            auth: auth.clone(),
            target,
            idle: Mutex::default(),
            is_failing: AtomicBool::new(false),
        };
        work.push((Arc::new(backend), asked));
        hooks.push(Hook { settings, queue });
    }
    if !work.is_empty() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            for (backend, asked) in work {
                runtime.spawn(take(backend, asked));
            }
            // An error says that nobody is left to end it.
            runtime.block_on(async { while ended.changed().await.is_ok() {} });
            runtime.shutdown_background();
        });
        thread.map_err(|error| error.to_string())?;
    }
    Ok(Asking { hooks: Hooks(hooks.into()), _running: running })
}

/// A realm's backend, on the asking thread.
struct Backend {
    settings: HookSettings,
    auth: RealmAuth,
    target: Target,
    /// Connections that wait for their next question, the warmest last.
    idle: Mutex<Vec<Link>>,
    is_failing: AtomicBool,
}

/// Questions wait here for their turn. Each of those before has an end that is earlier, so none waits past its own.
async fn take(backend: Arc<Backend>, mut asked: Receiver<Ask>) {
    let places = Arc::new(Semaphore::new(backend.settings.at_once));
    while let Some(ask) = asked.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let backend = backend.clone();
        tokio::spawn(async move {
            backend.serve(ask).await;
            drop(place);
        });
    }
}

impl Backend {
    async fn serve(&self, mut ask: Ask) {
        let late = || format!("no whole answer within {} ms", self.settings.deadline.as_millis());
        let mut outcome = if ask.until <= Instant::now() {
            Err(late())
        } else {
            let answered = tokio::time::timeout_at(ask.until, self.rule(&ask.question)).await;
            answered.unwrap_or_else(|_| Err(late()))
        };
        self.note(&outcome);
        while let Err(back) = ask.answer(outcome) {
            outcome = back;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    async fn rule(&self, question: &Question) -> Outcome {
        let body = Bytes::from(question::written(question, self.settings.sends_bodies));
        let signature = self.settings.secret.as_ref().map(|secret| sign::signature(secret, question.at / 1000, &body));
        let answer = self.send(Letter { body, signature }).await?;
        answer::read(&answer, question, &self.auth)
    }

    async fn send(&self, letter: Letter) -> Result<Bytes, String> {
        let kept = || self.idle.lock().pop();
        while let Some(mut link) = kept() {
            if !link.is_usable() {
                continue;
            }
            match link.ask(&self.target, letter.clone()).await {
                Ok(answer) => return Ok(self.keep(link, answer)),
                // Backends close what is idle; the question may have crossed with that, and is asked once more.
                Err(Trouble::Gone(_)) => break,
                Err(Trouble::Failed(why)) => return Err(why),
            }
        }
        let mut link = Link::open(&self.target).await?;
        match link.ask(&self.target, letter).await {
            Ok(answer) => Ok(self.keep(link, answer)),
            Err(Trouble::Gone(why) | Trouble::Failed(why)) => Err(why),
        }
    }

    fn keep(&self, link: Link, answer: Bytes) -> Bytes {
        if link.is_usable() {
            self.idle.lock().push(link);
        }
        answer
    }

    /// Told when it begins and when it is over, not for each question.
    fn note(&self, outcome: &Outcome) {
        let realm = self.settings.realm.as_str();
        match outcome {
            Err(why) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(event = "hook_fails", realm, why);
            }
            Ok(_) if self.is_failing.swap(false, Ordering::Relaxed) => tracing::info!(event = "hook_is_back", realm),
            Ok(_) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::question::Verb;
    use super::super::settings::OnNoRuling;
    use super::*;
    use crate::auth::Secret;
    use rookery_engine::settings::Decides;
    use rookery_protocol::ids::{Name, Realm};
    use std::sync::atomic::AtomicU64;

    const MAIN: Realm = Name::literal("main");

    #[test]
    fn what_waits_is_bounded_and_everybody_is_told_at_the_end() {
        // It takes connections, and never says a word.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = HookSettings {
            realm: MAIN,
            url: format!("http://{}/", silent.local_addr().unwrap()),
            roots: None,
            secret: None,
            connect: true,
            authenticates: true,
            decides: Decides::default(),
            sends_bodies: false,
            deadline: Duration::from_secs(600),
            on_failure: OnNoRuling::Refuse,
            keep: Duration::ZERO,
            at_once: 1,
        };
        let secret = Secret::given("x".repeat(32)).unwrap();
        let asking = begin(vec![settings], &AuthSettings::of_secret(&secret, MAIN)).unwrap();
        let told = Arc::new(AtomicU64::new(0));
        let ask = || {
            let told = told.clone();
            let verb = Verb::Enter { credential: String::new() };
            let question = Question { realm: MAIN, verb, at: 0, address: None };
            let taker = move |outcome: Outcome| {
                assert!(outcome.is_err());
                told.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            u64::from(asking.hooks.get(0).unwrap().ask(question, Box::new(taker)))
        };
        let taken: u64 = (0..2 * limits::HOOK_WAITING).map(|_| ask()).sum();
        // One is under way, and one may wait for its place.
        assert!((limits::HOOK_WAITING..=limits::HOOK_WAITING + 2).contains(&taken), "{taken}");
        assert_eq!(told.load(Ordering::SeqCst), 0);
        drop(asking);
        let begun = std::time::Instant::now();
        while told.load(Ordering::SeqCst) < taken {
            assert!(begun.elapsed() < Duration::from_secs(20), "{told:?} of {taken}");
            std::thread::yield_now();
        }
    }
}
