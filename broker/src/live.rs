//! What changes in a running node: on `SIGHUP` everything that is configured is read again.

use crate::config::{Config, Overrides, settings};
use crate::net::addresses::Addresses;
use crate::net::tls::Tls;
use crate::observe;
use crate::shard::cell::{Configured, Doors, Mail};
use parking_lot::RwLock;
use rookery_engine::settings::RealmSettings;
use std::sync::Arc;

/// The classes in force, for whoever looks after rooms at rest.
pub type Classes = Arc<RwLock<Vec<RealmSettings>>>;

pub struct Live {
    pub config: Config,
    pub overrides: Overrides,
    pub doors: Doors,
    pub classes: Classes,
    pub addresses: Arc<Addresses>,
    pub tls: Option<Arc<Tls>>,
}

impl Live {
    /// What is wrong changes nothing and is told, line by line; so is what needs a restart.
    pub fn reload(&mut self) {
        let reloaded = match self.config.reload(&self.overrides) {
            Ok(reloaded) => reloaded,
            Err(problems) => {
                for problem in problems.0 {
                    tracing::error!(event = "config_refused", %problem);
                }
                return;
            }
        };
        self.config = reloaded.config;
        observe::log(&self.config.log.level);
        let realms = settings::realms(&self.config);
        self.tell(&realms);
        self.addresses.set_cap(self.config.limits.connections_per_address);
        *self.classes.write() = realms;
        if let Some(tls) = &self.tls
            && let Err(error) = tls.renew()
        {
            tracing::error!(event = "certificate_refused", %error);
        }
        let (changed, waiting) = (reloaded.changed.join(" "), reloaded.waiting.join(" "));
        if !waiting.is_empty() {
            tracing::warn!(event = "config_needs_restart", keys = %waiting);
        }
        tracing::info!(event = "config_reloaded", changed = %changed);
    }

    fn tell(&self, realms: &[RealmSettings]) {
        for door in self.doors.iter() {
            let configured = Configured {
                limits: settings::limits(&self.config.limits, self.doors.len() as u8),
                realms: realms.to_vec(),
                origins: settings::origins(&self.config),
            };
            if door.control.try_send(Mail::Configured(Box::new(configured)), 0).is_err() {
                tracing::error!(event = "shard_does_not_listen");
            }
        }
    }
}
