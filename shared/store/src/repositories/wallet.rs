//! Wallets and their transactions.

use std::ops::Range;

use domain::id::{CustomerId, OrganizationId, WalletId, WalletTransactionId};
use domain::wallet::{Wallet, WalletTransaction};

use super::{Listed, Store};
use crate::keys;
use crate::record::{LoadError, Versioned};
use crate::table::{Index, Order};

impl Store {
    /// A wallet, active or ended. One read.
    pub async fn wallet(
        &self,
        organization: OrganizationId,
        id: WalletId,
    ) -> Result<Option<Versioned<Wallet>>, LoadError> {
        self.load(&keys::wallet(organization, id)).await
    }

    /// A part of a customer's wallets, active and ended, in order of creation.
    pub async fn list_wallets(
        &self,
        organization: OrganizationId,
        customer: CustomerId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Wallet>, LoadError> {
        let partition = keys::children_of(organization, customer.0, keys::WALLETS);
        self.list(Index::ByParent, partition, Order::Ascending, range).await
    }

    /// A transaction of a wallet. One read.
    pub async fn wallet_transaction(
        &self,
        organization: OrganizationId,
        id: WalletTransactionId,
    ) -> Result<Option<Versioned<WalletTransaction>>, LoadError> {
        self.load(&keys::wallet_transaction(organization, id)).await
    }

    /// A part of a wallet's transactions, newest first.
    pub async fn list_wallet_transactions(
        &self,
        organization: OrganizationId,
        wallet: WalletId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<WalletTransaction>, LoadError> {
        let partition = keys::children_of(organization, wallet.0, keys::WALLET_TRANSACTIONS);
        self.list(Index::ByParent, partition, Order::Descending, range).await
    }
}
