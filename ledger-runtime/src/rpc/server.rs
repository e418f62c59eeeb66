//! Serving invocations to peers that nobody knows.

use super::answer::{Outcome, WitAnswer};
use super::chain;
use super::encoding::Encoded;
use super::message::{Method, Request};
use super::refusal::{ErrorCode, Refusal};
use super::wire::{self, WireError};
use crate::limits::Limits;
use crate::service::Service;
use bytes::Bytes;
use registry_core::with_causes;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

/// How long to wait after a connection could not be accepted, which most often means that files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes that a peer may still send while it reads its answer, and how long it may take; what is not read makes the
/// system throw the answer away.
const LINGER_SIZE_BYTES_MAX: u64 = 1 << 20;
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// What serves invocations.
pub struct Server {
    service: Service,
    limits: Limits,
}

/// Why an invocation ended without an answer.
enum Ended {
    Wire(WireError),
    Unknown { interface: String, function: String },
    Refused(String),
    Unanswered(std::io::Error),
}

impl Server {
    /// Serves `service` within `limits`.
    pub fn new(service: Service, limits: Limits) -> Self {
        Self { service, limits }
    }

    /// Serves invocations on `listener` until `shutdown` is done; those that are being served then have
    /// [`Limits::shutdown_time_max`] to finish.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let server = Arc::new(self);
        let mut invocations = JoinSet::new();
        tokio::select! {
            () = Arc::clone(&server).accept(&listener, &mut invocations) => {}
            () = shutdown => {}
        }
        drop(listener);
        while invocations.try_join_next().is_some() {}
        let (seconds, open) = (server.limits.shutdown_time_max.as_secs(), invocations.len());
        if open > 0 {
            info!("stopping; waiting up to {seconds} s for {open} open connections; Ctrl-C again to stop now");
        }
        let finished = async { while invocations.join_next().await.is_some() {} };
        if timeout(server.limits.shutdown_time_max, finished).await.is_err() {
            warn!("{} invocations took too long to finish and were cut off", invocations.len());
        }
    }

    /// Accepts for ever, as many connections at a time as there are places.
    async fn accept(self: Arc<Self>, listener: &TcpListener, invocations: &mut JoinSet<()>) {
        let places = Arc::new(Semaphore::new(self.limits.connections_max));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            while invocations.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((connection, peer)) => {
                    let server = Arc::clone(&self);
                    invocations.spawn(async move {
                        let _place = place;
                        server.invocation(connection, peer).await;
                    });
                }
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// One invocation, from its header to its answer.
    async fn invocation(&self, connection: TcpStream, peer: SocketAddr) {
        // An answer is one write, and waits for nothing.
        let _ = connection.set_nodelay(true);
        let (reader, mut writer) = connection.into_split();
        match self.exchange(&mut BufReader::new(reader), &mut writer).await {
            Ok(method) => debug!(%peer, ?method, "invocation answered"),
            Err(Ended::Wire(error)) => info!(%peer, "invocation ended: {}", with_causes(&error)),
            Err(Ended::Unknown { interface, function }) => {
                info!(%peer, ?interface, ?function, "invocation ended: the node does not serve this function");
            }
            Err(Ended::Refused(reason)) => info!(%peer, ?reason, "invocation ended without an answer"),
            Err(Ended::Unanswered(error)) => info!(%peer, "the answer could not be sent: {error}"),
        }
    }

    async fn exchange(
        &self,
        reader: &mut BufReader<OwnedReadHalf>,
        writer: &mut OwnedWriteHalf,
    ) -> Result<Method, Ended> {
        let time = self.limits.request_time_max;
        let deadline = tokio::time::Instant::now() + time;
        let header = tokio::time::timeout_at(deadline, wire::read_header(&mut *reader, &self.limits)).await;
        let header = header.map_err(|_| Ended::Wire(WireError::Timeout(time)))?.map_err(Ended::Wire)?;
        let Some(method) = Method::find(&header.instance, &header.name) else {
            return Err(Ended::Unknown { interface: header.instance, function: header.name });
        };
        let (size, frames) = (self.limits.request_size_bytes_max, self.limits.message_frames_max);
        let message = wire::read_message(&mut *reader, size, frames, |message| method.parse(message));
        let request = tokio::time::timeout_at(deadline, message).await;
        let request = request.unwrap_or(Err(WireError::Timeout(time)));
        let answer = self.answer(method, request).await?;
        self.send(reader, writer, &answer).await.map_err(Ended::Unanswered)?;
        Ok(method)
    }

    /// The whole answer as bytes.
    async fn answer(&self, method: Method, request: Result<Request, WireError>) -> Result<Vec<u8>, Ended> {
        let request = match request {
            Ok(request) => request,
            Err(error) if method.answers_refusals() && !matches!(error, WireError::Connection(_)) => {
                return self.encode(&Err::<Outcome, _>(malformed(&error)));
            }
            Err(error) => return Err(Ended::Wire(error)),
        };
        let service = &self.service;
        match request {
            Request::Status => self.encode(&service.status()),
            Request::Submit { transaction } => self.answer_or_refuse(chain::submit(service, &transaction).await),
            Request::Simulate { transaction, is_beginning } => {
                self.answer_or_refuse(chain::simulate(service, &transaction, is_beginning).await)
            }
            Request::Deploy { contract, gas_limit_max } => {
                self.answer_or_refuse(chain::deploy(service, &contract, gas_limit_max).await)
            }
            Request::Utxo { name } => self.answer_or_refuse(chain::utxo(service, &name).await),
            Request::Utxos { contract, after, limit } => {
                let limit_max = self.limits.page_utxos_max;
                let page = chain::utxos(service, contract.as_deref(), after.as_deref(), limit, limit_max).await;
                self.answer_or_refuse(page)
            }
            Request::Token { id } => self.answer_or_refuse(chain::token(service, &id).await),
            Request::Tokens { contract, type_name, after, limit } => {
                let wanted = chain::WantedTokens { contract, type_name, after, limit };
                self.answer_or_refuse(chain::tokens(service, wanted, self.limits.page_utxos_max).await)
            }
            Request::Block { height } => self.answer_or_refuse(chain::block(service, height).await),
            Request::Transaction { id } => self.answer_or_refuse(chain::transaction(service, &id).await),
            Request::Contract { contract } => self.answer_or_refuse(chain::contract(service, &contract).await),
            Request::Imports { contract } => self.answer_or_refuse(chain::imports(service, &contract).await),
            Request::ChainStatus => self.answer_or_refuse(chain::status(service).await),
            Request::Call { contract, function, parameters, gas_limit } => {
                let parameters = Bytes::from(parameters);
                let outcome = service.call(&contract, &function, parameters, gas_limit).await;
                let outcome = outcome.map(Outcome::from).map_err(Refusal::from);
                if method.answers_refusals() { self.answer_or_refuse(outcome) } else { bare_result(outcome) }
            }
            Request::GetWit { contract, resolve } => {
                let wit = service.wit(&contract).await;
                let wit = wit.map(|wit| WitAnswer::new(wit, resolve)).map_err(Refusal::from);
                if method.answers_refusals() { self.answer_or_refuse(wit) } else { self.encode(&or_end(wit)?) }
            }
        }
    }

    fn answer_or_refuse<T: Encoded>(&self, answer: Result<T, Refusal>) -> Result<Vec<u8>, Ended> {
        if let Err(refusal) = &answer {
            log_fault(refusal);
        }
        answer.encode(self.limits.answer_size_bytes_max).or_else(|fault| {
            let message = format!("the answer is larger than what this node sends: {fault}");
            self.encode(&Err::<T, _>(Refusal { code: ErrorCode::NodeFault, message, hint: None }))
        })
    }

    fn encode(&self, answer: &impl Encoded) -> Result<Vec<u8>, Ended> {
        answer.encode(self.limits.answer_size_bytes_max).map_err(|fault| Ended::Refused(fault.to_string()))
    }

    async fn send(
        &self,
        reader: &mut BufReader<OwnedReadHalf>,
        writer: &mut OwnedWriteHalf,
        answer: &[u8],
    ) -> std::io::Result<()> {
        timeout(self.limits.answer_time_max, wire::write_message(&mut *writer, answer)).await??;
        let mut rest = reader.take(LINGER_SIZE_BYTES_MAX);
        let mut nowhere = tokio::io::sink();
        // Whether the peer goes on sending is its affair: it has its answer.
        let _ = timeout(LINGER_TIME_MAX, tokio::io::copy(&mut rest, &mut nowhere)).await;
        Ok(())
    }
}

fn malformed(error: &WireError) -> Refusal {
    Refusal { code: ErrorCode::MalformedRequest, message: with_causes(error), hint: None }
}

/// Refusals are for those who asked; only the node's own trouble belongs into its log.
fn log_fault(refusal: &Refusal) {
    if refusal.code == ErrorCode::NodeFault {
        warn!("{}", refusal.message);
    }
}

/// What `starstream:wrpc-multiplexer/handler` gives: the result, or nothing at all.
fn bare_result(outcome: Result<Outcome, Refusal>) -> Result<Vec<u8>, Ended> {
    let outcome = or_end(outcome)?;
    if !outcome.valid {
        return Err(Ended::Refused(outcome.errors.join("; ")));
    }
    let mut writer = crate::value::Writer::new(usize::MAX);
    writer.list_of_bytes(&outcome.result).map_err(|fault| Ended::Refused(fault.to_string()))?;
    Ok(writer.into_bytes())
}

fn or_end<T>(answer: Result<T, Refusal>) -> Result<T, Ended> {
    answer.map_err(|refusal| {
        log_fault(&refusal);
        Ended::Refused(refusal.message)
    })
}
