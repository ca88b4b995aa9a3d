//! The results as charts.

use crate::rounds::Results;
use std::error::Error;
use std::path::Path;

pub(crate) fn write(_results: &Results, _dir: &Path) -> Result<(), Box<dyn Error>> {
    Err("no charts yet".into())
}
