//! What a worker does: run functions.

use crate::contain::contain;
use crate::manager::event_manager::Inner;
use crate::manager::function::{Captured, FunctionContext, Ran, RunError};
use crate::manager::run::entry::Settled;
use crate::manager::run::pool::Next;
use crate::manager::run::{Entry, Job, outcome};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Runs functions until the pool ends.
pub(in crate::manager) fn work(inner: &Inner) {
    loop {
        match inner.pool.next() {
            Next::End => return,
            Next::Again(entry, job) => entry.again(job, &inner.pool),
            Next::Run(entry) => {
                if let Some(job) = entry.take(&inner.pool) {
                    one(inner, &entry, job);
                }
            }
        }
    }
}

fn one(inner: &Inner, entry: &Arc<Entry>, mut job: Job) {
    if inner.pool.is_closing()
        && let Some(error) = job.error.take()
    {
        let attempts = job.failures;
        return fail(inner, entry, &job, attempts, &error, 0);
    }
    let begin = Instant::now();
    let ran = call(inner, &job);
    let took = begin.elapsed();
    let attempts = job.failures + 1;
    let again_in = match &ran.result {
        Err(RunError::Cancelled) | Ok(()) => None,
        Err(_) => job.spec.retry_policy().wait(attempts),
    };
    // Who is deleted meanwhile does not wait for another attempt.
    let again_in = again_in.filter(|_| entry.is_active() && !inner.pool.is_closing());
    let lost = u64::from(!inner.publish_run(&job, &ran, took, again_in));
    let error = match ran.result {
        Ok(()) => {
            return entry.settle_job(Settled::Succeeded, &inner.pool, |stats| {
                stats.runs += 1;
                stats.results_lost += lost;
            });
        }
        Err(error) => error,
    };
    let Some(wait) = again_in else {
        entry.note(|stats| stats.runs += 1);
        return fail(inner, entry, &job, attempts, &error, lost);
    };
    (job.failures, job.error) = (attempts, Some(error));
    match entry.delay(job, &inner.pool, wait) {
        None => entry.settle_job(Settled::Again, &inner.pool, |stats| {
            stats.runs += 1;
            stats.results_lost += lost;
        }),
        // It closed meanwhile, or its subscription was deleted.
        Some(mut job) => {
            entry.note(|stats| stats.runs += 1);
            let error = job.error.take().unwrap_or(RunError::Cancelled);
            fail(inner, entry, &job, attempts, &error, lost);
        }
    }
}

/// The end of a job that no attempt succeeded with.
fn fail(inner: &Inner, entry: &Arc<Entry>, job: &Job, attempts: u32, error: &RunError, lost: u64) {
    let buried = inner.bury(job, attempts, error);
    entry.settle_job(Settled::Failed, &inner.pool, |stats| {
        stats.results_lost += lost;
        match buried {
            Some(true) => stats.dead_letters += 1,
            Some(false) => stats.dead_letters_lost += 1,
            None => {}
        }
    });
}

fn call(inner: &Inner, job: &Job) -> Ran {
    let failed = |error| Ran {
        result: Err(error),
        out: Captured::default(),
        err: Captured::default(),
        exit_code: None,
    };
    let name = job.spec.function_name();
    let Some(function) = inner.function(name) else {
        return failed(RunError::NoFunction(name.into()));
    };
    let secrets: BTreeMap<String, String> = match inner.secrets_of(job.spec.secrets()) {
        Ok(secrets) => secrets,
        Err(name) => return failed(RunError::NoSecret(name)),
    };
    let context = FunctionContext {
        inner,
        subscription: job.spec.name(),
        function: name,
        attempt: job.failures + 1,
        secrets: &secrets,
        depth: outcome::depth(&job.event).saturating_add(1),
    };
    let ran = function.run(&job.event, &context, &inner.pool.cancel);
    // It may have been removed meanwhile, and its Drop is user code.
    contain(|| drop(function));
    ran
}
