//! What is kept of the connections that were seen: all of them while there is room, then the latest of each client.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use rdpwhy_parsers::pcap::{Phase, Told};
use rdpwhy_parsers::{EventBatch, Timestamp};

/// Connections of one server that are looked at together: facts such as "how many failed in ten minutes" need neighbours,
/// and a server with more of them in ten minutes is flooded whatever the exact number.
pub const NEIGHBOURS: usize = 256;
/// Of those, the ones that are looked at however long ago they were: what always happens at this server shows in a few.
const USUAL: usize = 64;
/// The time in which crowds count, nanoseconds.
const CROWD: i64 = 600_000_000_000;
/// Connections of the same client at the same server that are looked at beside them.
const OF_PAIR: usize = 32;
/// Connections kept. Each takes two to six KiB.
const MOST: usize = 16_384;
/// Bytes kept.
const MOST_BYTES: usize = 64 << 20;
/// What one client may take while others have to give way.
const FAIR_SHARE: usize = 1024;

/// Moment and number of a connection.
type Dated = (Timestamp, u64);

/// Beginning and number of the connections from each client's address and port.
pub type ByClient = BTreeMap<SocketAddr, Vec<(Timestamp, u64)>>;

/// One connection.
pub struct Kept {
    /// What was told of it last.
    pub told: Told,
    /// Where in the order of settling it stands.
    settled: Option<u64>,
    bytes: usize,
}

/// The connections.
#[derive(Default)]
pub struct Store {
    flows: BTreeMap<u64, Kept>,
    by_server: HashMap<SocketAddr, BTreeSet<Dated>>,
    by_pair: HashMap<(IpAddr, SocketAddr), BTreeSet<Dated>>,
    /// By their last news, as those below: a session of days that ends now is of today.
    by_client: HashMap<IpAddr, BTreeSet<Dated>>,
    greedy: BTreeSet<(usize, IpAddr)>,
    by_news: BTreeSet<Dated>,
    bytes: usize,
    settled: u64,
    /// Connections that were given up for want of room.
    pub retired: u64,
    /// Those of them that go on: what is told of them next brings them back.
    away: HashSet<u64>,
    /// Those of them that will not be told again, since the last call of [`Store::forgotten`].
    forgotten: Vec<u64>,
}

impl Store {
    /// Takes what was told of a connection in place of what was told before; whether that says anything new.
    pub fn put(&mut self, told: Told) -> bool {
        let settled = (told.phase == Phase::Settled).then(|| {
            self.settled += 1;
            self.settled
        });
        let bytes = told.batch.footprint();
        if let Some(kept) = self.flows.get_mut(&told.flow) {
            let news =
                kept.told.phase < Phase::Ended || !kept.told.batch.tells_the_same(&told.batch);
            self.bytes = self.bytes - kept.bytes + bytes;
            let (client, flow) = (told.client.ip(), told.flow);
            let (before, now) = ((kept.told.at, flow), (told.at, flow));
            *kept = Kept {
                told,
                settled,
                bytes,
            };
            self.by_news.remove(&before);
            self.by_news.insert(now);
            self.count(client, |list| {
                list.remove(&before);
                list.insert(now);
            });
            return news;
        }
        if self.away.remove(&told.flow) {
            self.retired -= 1;
        }
        let at = (told.opened, told.flow);
        self.by_server.entry(told.server).or_default().insert(at);
        let pair = (told.client.ip(), told.server);
        self.by_pair.entry(pair).or_default().insert(at);
        let news = (told.at, told.flow);
        self.count(told.client.ip(), |list| {
            list.insert(news);
        });
        self.by_news.insert(news);
        self.bytes += bytes;
        self.flows.insert(
            told.flow,
            Kept {
                told,
                settled,
                bytes,
            },
        );
        while self.flows.len() > MOST || (self.bytes > MOST_BYTES && self.flows.len() > 1) {
            self.retire();
        }
        true
    }

    fn count(&mut self, client: IpAddr, change: impl FnOnce(&mut BTreeSet<Dated>)) {
        let list = self.by_client.entry(client).or_default();
        self.greedy.remove(&(list.len(), client));
        change(list);
        if list.is_empty() {
            self.by_client.remove(&client);
        } else {
            self.greedy.insert((list.len(), client));
        }
    }

    /// Gives up the connection whose last news is the oldest, of whoever has more than a fair share, else of all: a guesser
    /// must not be able to push users out.
    fn retire(&mut self) {
        let greedy = self.greedy.last().filter(|(n, _)| *n > FAIR_SHARE);
        let of_greedy = greedy.and_then(|(_, client)| self.by_client.get(client)?.first().copied());
        let Some(news) = of_greedy.or_else(|| self.by_news.first().copied()) else {
            return;
        };
        self.by_news.remove(&news);
        let Some(kept) = self.flows.remove(&news.1) else {
            return;
        };
        self.bytes -= kept.bytes;
        self.retired += 1;
        if kept.settled.is_some() {
            self.forgotten.push(news.1);
        } else {
            self.away.insert(news.1);
        }
        let (client, server) = (kept.told.client.ip(), kept.told.server);
        let at = (kept.told.opened, news.1);
        self.count(client, |list| {
            list.remove(&news);
        });
        remove(&mut self.by_server, &server, at);
        remove(&mut self.by_pair, &(client, server), at);
    }

    /// Connections that were given up since the last call and will not be told again.
    pub fn forgotten(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.forgotten)
    }

    /// One connection.
    pub fn get(&self, flow: u64) -> Option<&Kept> {
        self.flows.get(&flow)
    }

    /// Connections that something was told of at this moment or later.
    pub fn since(&self, moment: Timestamp) -> Vec<u64> {
        let from = self.by_news.range((moment, 0)..);
        from.map(|(_, flow)| *flow).collect()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// These connections, the latest ones of their server, and the latest of each of their clients to it; by number.
    pub fn neighbours(
        &self,
        server: SocketAddr,
        of: &[u64],
        clients: &BTreeSet<IpAddr>,
    ) -> Vec<&Kept> {
        let latest = |list: Option<&BTreeSet<Dated>>, n: usize| {
            let latest = list.into_iter().flat_map(|l| l.iter().rev());
            latest.take(n).map(|(_, flow)| *flow).collect::<Vec<_>>()
        };
        let by_server = self.by_server.get(&server);
        let newest = by_server.and_then(|list| list.last());
        let crowd = newest.map_or(Timestamp(0), |(opened, _)| opened.plus(-CROWD));
        let lately = by_server.map_or(0, |list| {
            let opened = list.iter().rev().take(NEIGHBOURS);
            opened.take_while(|(opened, _)| *opened >= crowd).count()
        });
        let mut flows: BTreeSet<u64> = latest(by_server, lately.max(USUAL)).into_iter().collect();
        flows.extend(of);
        for client in clients {
            flows.extend(latest(self.by_pair.get(&(*client, server)), OF_PAIR));
        }
        flows
            .iter()
            .filter_map(|flow| self.flows.get(flow))
            .collect()
    }

    /// The connections from each client's address and port.
    pub fn by_client_address(&self) -> ByClient {
        let mut by_client = ByClient::new();
        for k in self.flows.values() {
            let at = (k.told.opened, k.told.flow);
            by_client.entry(k.told.client).or_default().push(at);
        }
        by_client
    }

    /// All connections as one batch, in the order in which they settled, and `beside` behind them.
    pub fn all(&self, beside: EventBatch) -> EventBatch {
        let mut all: Vec<&Kept> = self.flows.values().collect();
        all.sort_by_key(|k| (k.settled.unwrap_or(u64::MAX), k.told.flow));
        let mut batch = EventBatch::default();
        for kept in all {
            batch.append(kept.told.batch.clone());
        }
        let span = beside.logs.first().cloned();
        batch.append(beside);
        if let (Some(log), Some(span)) = (batch.logs.first_mut(), span) {
            *log = span;
        }
        batch
    }
}

/// Puts a connection's events behind those that are there; the span of the log stays what it is.
pub fn append(batch: &mut EventBatch, of_flow: &EventBatch) {
    let span = batch.logs.first().cloned();
    batch.append(of_flow.clone());
    if let (Some(log), Some(span)) = (batch.logs.first_mut(), span) {
        *log = span;
    }
}

fn remove<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<Dated>>, key: &K, at: Dated) {
    if let Some(list) = map.get_mut(key) {
        list.remove(&at);
        if list.is_empty() {
            map.remove(key);
        }
    }
}
