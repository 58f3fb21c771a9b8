//! The whole product in one process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::sync::Arc;

use app::ports::{Clock, Http, Renderer};
use app::secrets::SecretError;
use app::{App, Failure};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use documents::renderer::TypstRenderer;
use domain::target::Targets;
use gateways::http::GuardedHttp;
use gateways::system::{SystemClock, SystemIds};
use http::HeaderValue;
use store::Store;
use store::sqlite::{Database, DatabaseError, SqliteTable};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::blobs::FileBlobs;
use crate::progress::LocalProgress;
use crate::queues::LocalQueues;
use crate::settings::Settings;
use crate::workers::{self, Consumption, Handler};
use crate::{demo, keys};

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The data folder cannot be used.
    #[error("the data folder cannot be used: {0}")]
    Files(#[source] std::io::Error),
    /// Another process uses the data folder.
    #[error("another process uses the data folder {0}")]
    InUse(String),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The keys cannot be used.
    #[error("the keys in the data folder cannot be used: {0}")]
    Keys(#[source] SecretError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Outgoing HTTP cannot be set up.
    #[error("outgoing HTTP cannot be set up: {0}")]
    Http(String),
    /// The first organization or the demo could not be made.
    #[error("the first organization could not be made: {0}")]
    First(#[from] Failure),
}

/// A running host.
pub struct Host {
    address: SocketAddr,
    app: App,
    first_key: Option<String>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Held for as long as the host lives: one process per data folder.
    _lock: File,
}

impl Host {
    /// Starts everything; when this returns, the server answers.
    ///
    /// # Errors
    /// The folder, the address or the keys cannot be used.
    pub async fn start(settings: Settings) -> Result<Host, HostError> {
        fs::create_dir_all(&settings.data_dir).map_err(HostError::Files)?;
        let lock = locked(&settings)?;
        let listener = TcpListener::bind(settings.listen).await;
        let listener = listener.map_err(|error| HostError::Listen(settings.listen, error))?;
        let address = listener.local_addr().map_err(|error| HostError::Listen(settings.listen, error))?;

        let database = Database::open(&settings.data_dir.join("weir.sqlite"))?;
        let seconds = Arc::new(|| SystemClock.now().timestamp());
        let table = SqliteTable::open(database.clone(), seconds, &[store::outbox::KIND]);
        let queues = Arc::new(LocalQueues::open(database, Arc::new(|| SystemClock.now())).await?);
        let progress = Arc::new(LocalProgress::default());
        let targets = Targets::allowing_private(settings.allow_private_targets);
        let app = App {
            store: Store::new(Arc::new(table.clone())),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds::default()),
            queues: queues.clone(),
            blobs: Arc::new(FileBlobs::new(settings.data_dir.join("blobs"))),
            progress: progress.clone(),
            secrets: Arc::new(keys::load_or_make(&settings.data_dir)?),
            settings: Arc::new(app::Settings {
                public_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
                admin_key: settings.admin_key.clone(),
                webhook_targets: targets,
                rate_limit: settings.rate_limit,
            }),
        };
        let http = GuardedHttp::new(targets).map_err(|error| HostError::Http(error.to_string()))?;

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for consumption in consumptions(&app, Arc::new(http), Arc::new(TypstRenderer)) {
            tasks.spawn(workers::consume(queues.clone(), progress.clone(), consumption, stopped.clone()));
        }
        tasks.spawn(workers::relay(app.clone(), table.clone(), progress, stopped.clone()));
        tasks.spawn(workers::schedule(app.clone(), table, stopped.clone()));
        tasks.spawn(serve(listener, fn_api::router(app.clone()), stopped));
        if queues.dead_letters().await.is_ok_and(|count| count > 0) {
            tracing::warn!("there are dead letters: messages that failed for good (table dead_letters)");
        }
        let first_key = demo::first_organization(&app, &settings).await?;
        Ok(Host { address, app, first_key, stop, tasks, _lock: lock })
    }

    /// Where the server answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The use cases' view of the host: for tests and for tools in the same process.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The API key of the first organization.
    #[must_use]
    pub fn first_key(&self) -> Option<&str> {
        self.first_key.as_deref()
    }

    /// Stops gracefully: no new requests, what has begun ends.
    pub async fn stop(mut self) {
        // Nobody listens any more only if every task has ended already.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// One process per data folder.
fn locked(settings: &Settings) -> Result<File, HostError> {
    let file = File::create(settings.data_dir.join("lock")).map_err(HostError::Files)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(HostError::InUse(settings.data_dir.display().to_string())),
        Err(fs::TryLockError::Error(error)) => Err(HostError::Files(error)),
    }
}

fn consumptions(app: &App, http: Arc<dyn Http>, renderer: Arc<dyn Renderer>) -> [Consumption; 6] {
    use app::ports::Queue;
    let ingest: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let app = app.clone();
            Box::pin(async move { fn_ingest::handle(&app, messages).await })
        })
    };
    let advance: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let app = app.clone();
            Box::pin(async move { fn_advance::handle(&app, messages).await })
        })
    };
    let billing: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let app = app.clone();
            Box::pin(async move { fn_billing::handle(&app, messages).await })
        })
    };
    let webhooks: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let (app, http) = (app.clone(), http.clone());
            Box::pin(async move { fn_webhooks::handle(&app, http.as_ref(), messages).await })
        })
    };
    let documents: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let (app, renderer) = (app.clone(), renderer.clone());
            Box::pin(async move { fn_documents::handle(&app, renderer.as_ref(), messages).await })
        })
    };
    let fold: Handler = {
        let app = app.clone();
        Arc::new(move |messages| {
            let app = app.clone();
            Box::pin(async move { fn_fold::handle(&app, messages).await })
        })
    };
    [
        // Large batches make large chunks: cheap to write, quick to read.
        Consumption { queue: Queue::Events, batch: 200, parallel: 1, handler: ingest },
        // One usage log at a time: several calls are several logs.
        Consumption { queue: Queue::Advance, batch: 10, parallel: 4, handler: advance },
        // An advance of a test clock waits for other jobs of this very queue: there must always be room for them.
        Consumption { queue: Queue::Billing, batch: 1, parallel: 512, handler: billing },
        // A receiver may take a minute to answer nothing, and must not hold up the others.
        Consumption { queue: Queue::Webhooks, batch: 1, parallel: 256, handler: webhooks },
        Consumption { queue: Queue::Documents, batch: 1, parallel: 2, handler: documents },
        // One log after the other: nobody waits for it.
        Consumption { queue: Queue::Fold, batch: 1, parallel: 1, handler: fold },
    ]
}

async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let service = router.layer(middleware::from_fn(with_address)).into_make_service_with_connect_info::<SocketAddr>();
    let until_stopped = async move {
        // An error means that the host is gone, which is as good as stopped.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(until_stopped).await {
        tracing::error!("the HTTP server ended: {error}");
    }
}

/// The address of the connection, where no proxy has said whose request it forwards.
async fn with_address(ConnectInfo(address): ConnectInfo<SocketAddr>, mut request: Request, next: Next) -> Response {
    if let Ok(value) = HeaderValue::from_str(&address.ip().to_string()) {
        request.headers_mut().entry("x-forwarded-for").or_insert(value);
    }
    next.run(request).await
}
