//! Names to addresses, less those that a delivery may not reach.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::target::Targets;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The URL leads to a network that deliveries may not reach.
#[derive(Debug, thiserror::Error)]
#[error("the address is not a public one")]
pub struct NotPublic;

/// The name has no address at present.
#[derive(Debug, thiserror::Error)]
#[error("the host name cannot be resolved")]
pub struct Unresolved(#[source] pub io::Error);

/// How a name is looked up. The port of an address is of no account.
pub trait Lookup: Send + Sync + 'static {
    /// The name's addresses at this moment.
    fn lookup(&self, name: String) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// The machine's own resolver.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    async fn lookup(&self, name: String) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// A resolver that only ever answers with addresses to which deliveries may go. The connection goes to one of these.
pub struct GuardedResolver<L> {
    targets: Targets,
    lookup: Arc<L>,
}

impl<L: Lookup> GuardedResolver<L> {
    /// A resolver for these targets.
    pub fn new(targets: Targets, lookup: L) -> GuardedResolver<L> {
        GuardedResolver { targets, lookup: Arc::new(lookup) }
    }
}

impl<L: Lookup> Resolve for GuardedResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, lookup) = (self.targets, Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup.lookup(name.as_str().to_owned()).await.map_err(Unresolved)?;
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| targets.allow(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
