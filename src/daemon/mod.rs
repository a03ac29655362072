//! The daemon: the process that serves a root to many callers.
//!
//! There is one service a root at a time: whoever holds the lock beside the
//! slots, wherever its state lies. The socket is 0600 in a directory that is 0700, and every caller
//! must be the same user by the kernel's word. The process ends when nobody has
//! called for a while, or on SIGTERM or SIGINT after what is under way.

mod configuration;
mod place;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::faces::rpc::{self, Roots};
use crate::protocol::framing::RpcError;
use crate::service::api::Call;
use crate::service::{Options, Service, StartError};

pub use configuration::{configuration, configuration_path};
pub use place::{Place, nearest_root};

/// How long work under way may go on after a signal.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long another process may hold the root at the start: when a daemon dies, a
/// child that it was about to start holds what it held for a moment longer.
const TAKE_OVER: Duration = Duration::from_millis(500);

/// Threads that carry connections. More than cores, since a request may wait
/// for its turn at a file.
const WORKERS: usize = 8;

/// How a daemon runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where states lie: `$XDG_STATE_HOME`.
    pub home: PathBuf,
    /// How roots are served.
    pub options: Options,
    /// How long to stay when nobody is connected; forever if none.
    pub idle: Option<Duration>,
}

/// Why a root is not served.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another process serves it.
    #[error("another process serves this root")]
    Taken,
    /// Another process serves it, with its state in another place.
    #[error("another process serves this root, with its state in {0}; set XDG_STATE_HOME as there")]
    Elsewhere(PathBuf),
    /// The place of the root is not usable.
    #[error("{0}")]
    Place(#[from] io::Error),
    /// The service does not start.
    #[error("{0}")]
    Start(#[from] StartError),
}

/// A root that this process serves; no other can until it is dropped.
pub struct Root {
    /// Its service.
    pub service: Arc<Service>,
    /// Where it lies.
    pub place: Place,
    _lock: File,
}

impl Root {
    /// Takes the lock of the root and starts its service.
    ///
    /// # Errors
    /// `Taken` or `Elsewhere` at once where another process holds the lock.
    pub fn open(place: Place, options: Options) -> Result<Root, DaemonError> {
        let lock = place.lock()?;
        let service = Service::start(&place.root, &place.state, &place.slots, options)?;
        Ok(Root { service: Arc::new(service), place, _lock: lock })
    }
}

/// Serves `root` until nobody needs it any more, or a signal comes.
///
/// # Errors
/// Where the root cannot be served, or its socket not be made.
pub fn run(root: &Path, settings: Settings) -> Result<(), DaemonError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let place = Place::of(root, &settings.home)?;
    let main = take(&place, &settings.options)?;
    let result = runtime.block_on(Arc::new(Daemon::new(main, settings)).serve());
    runtime.shutdown_timeout(LAST_WORDS);
    result
}

/// Returns the root, as soon as nobody holds it any more.
fn take(place: &Place, options: &Options) -> Result<Root, DaemonError> {
    let deadline = Instant::now() + TAKE_OVER;
    loop {
        match Root::open(place.clone(), options.clone()) {
            Err(DaemonError::Taken | DaemonError::Elsewhere(_)) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// The process.
struct Daemon {
    main: Arc<Root>,
    settings: Settings,
    others: Mutex<HashMap<PathBuf, Arc<Root>>>,
    connections: AtomicUsize,
    /// Raised when a connection ends.
    ended: Notify,
}

impl Daemon {
    fn new(main: Root, settings: Settings) -> Daemon {
        Daemon {
            main: Arc::new(main),
            settings,
            others: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: Notify::new(),
        }
    }

    async fn serve(self: Arc<Self>) -> Result<(), DaemonError> {
        let socket = self.main.place.socket();
        let listener = listen(&socket)?;
        tracing::info!("serving {} at {}", self.main.place.root.display(), socket.display());
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            () = Arc::clone(&self).accept(listener, Arc::clone(&self.main)) => {}
            () = self.idle() => tracing::info!("nobody called for a while"),
            _ = terminate.recv() => tracing::info!("terminated"),
            _ = interrupt.recv() => tracing::info!("interrupted"),
        }
        let _gone = rustix::fs::unlink(&socket);
        self.finish().await;
        Ok(())
    }

    async fn accept(self: Arc<Self>, listener: UnixListener, root: Arc<Root>) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.admit(stream, &root),
                Err(error) => {
                    // Out of descriptors, most likely: some connection will end.
                    tracing::warn!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: UnixStream, root: &Arc<Root>) {
        let known =
            stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw());
        let count = self.connections.fetch_add(1, Ordering::SeqCst);
        if !known || count >= self.settings.options.limits.connections {
            tracing::warn!("a caller was turned away (known: {known}, connections: {count})");
            self.connections.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let daemon = Arc::clone(self);
        let roots = Arc::new(DaemonRoots { daemon: Arc::clone(self), main: Arc::clone(root) });
        tokio::spawn(async move {
            let (reader, writer) = stream.into_split();
            if let Err(error) = rpc::serve(reader, writer, roots).await {
                tracing::debug!("a connection ended: {error}");
            }
            daemon.connections.fetch_sub(1, Ordering::SeqCst);
            daemon.ended.notify_waiters();
        });
    }

    /// Returns when nobody has been connected for as long as the settings say.
    async fn idle(&self) {
        let Some(patience) = self.settings.idle else { return std::future::pending().await };
        let mut since = Instant::now();
        loop {
            let tick = patience.min(Duration::from_secs(1)).max(Duration::from_millis(10));
            tokio::time::sleep(tick).await;
            if self.connections.load(Ordering::SeqCst) > 0 {
                since = Instant::now();
            } else if since.elapsed() >= patience {
                return;
            }
        }
    }

    /// Waits for what is under way, for a while, and folds the states.
    async fn finish(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        while self.connections.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            // A connection that is merely open has nothing under way.
            let ended = tokio::time::timeout(Duration::from_millis(100), self.ended.notified());
            if ended.await.is_err() {
                break;
            }
        }
        self.main.service.stop();
        for root in self.others.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _gone = rustix::fs::unlink(root.place.socket());
            root.service.stop();
        }
    }

    /// Returns another root, served by this process from now on.
    fn other(self: &Arc<Self>, root: &Path) -> Result<Arc<Root>, DaemonError> {
        let place = Place::of(root, &self.settings.home)?;
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = others.get(&place.root) {
            return Ok(Arc::clone(open));
        }
        let path = place.root.clone();
        let root = Arc::new(Root::open(place, self.settings.options.clone())?);
        let listener = listen(&root.place.socket())?;
        tokio::spawn(Arc::clone(self).accept(listener, Arc::clone(&root)));
        others.insert(path, Arc::clone(&root));
        Ok(root)
    }
}

/// The roots as one connection sees them.
struct DaemonRoots {
    daemon: Arc<Daemon>,
    main: Arc<Root>,
}

impl Roots for DaemonRoots {
    fn main(&self) -> Arc<dyn Call> {
        Arc::clone(&self.main.service) as Arc<dyn Call>
    }

    fn other(&self, root: &str) -> Result<Arc<dyn Call>, RpcError> {
        let invalid = |text: String| RpcError::new(RpcError::INVALID_PARAMS, text);
        let path = Path::new(root);
        if !path.is_absolute() {
            return Err(invalid(format!("the root {root:?} is not absolute")));
        }
        let real = path.canonicalize().map_err(|error| invalid(format!("{root}: {error}")))?;
        let known = [&self.main, &self.daemon.main];
        if let Some(known) = known.into_iter().find(|known| known.place.root == real) {
            return Ok(Arc::clone(&known.service) as Arc<dyn Call>);
        }
        match self.daemon.other(&real) {
            Ok(root) => Ok(Arc::clone(&root.service) as Arc<dyn Call>),
            Err(error) => Err(invalid(format!("{root}: {error}"))),
        }
    }
}

/// Listens at `socket`. The caller holds the lock of the root, so a socket that
/// is there already was left by a process that died.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    match rustix::fs::unlink(socket) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
