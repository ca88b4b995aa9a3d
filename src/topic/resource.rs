//! The resource id of an event: 128 bits that are never registered.

use std::fmt;
use std::hash::{Hash, Hasher};
use uuid::Uuid;

/// What an event is about: 128 bits, usually a UUID.
///
/// Resource ids are plain values. Unlike names they are not registered, so there can be any number of them.
///
/// Text that is a UUID, in any form that [`Uuid::parse_str`] accepts, is that UUID. Other text becomes its name-based
/// UUID: version 5, in the namespace [`Uuid::NAMESPACE_OID`]. That takes a SHA-1 hash, so build such an id once and
/// keep it.
///
/// # Examples
///
/// ```
/// use laneway::ResourceId;
///
/// let id = ResourceId::from("67e55044-10b1-426f-9247-bb680e5fe0c8");
/// assert_eq!(id, ResourceId::from("{67E55044-10B1-426F-9247-BB680E5FE0C8}"));
/// assert_eq!(id.to_string(), "67e55044-10b1-426f-9247-bb680e5fe0c8");
///
/// assert_eq!(ResourceId::from(7), ResourceId::from_u128(7));
/// assert_eq!(ResourceId::from("disk 7"), ResourceId::from("disk 7"));
/// ```
// Words of 32 bits, the most significant first: aligned to 4, so that a topic is 20 bytes, and ordered as the number
// is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceId([u32; 4]);

impl ResourceId {
    /// Its words in pairs, as they lie in memory: that takes no instruction.
    #[inline(always)]
    pub(crate) fn into_halves(self) -> (u64, u64) {
        let ResourceId([a, b, c, d]) = self;
        let pair = |first, second| u64::from(first) | u64::from(second) << 32;
        (pair(a, b), pair(c, d))
    }

    #[inline(always)]
    pub(crate) fn from_halves(high: u64, low: u64) -> Self {
        let words = |pair| [pair as u32, (pair >> 32) as u32];
        let ([a, b], [c, d]) = (words(high), words(low));
        ResourceId([a, b, c, d])
    }
}

impl ResourceId {
    /// The id with this value.
    ///
    /// # Examples
    ///
    /// ```
    /// const ROOT_DISK: laneway::ResourceId = laneway::ResourceId::from_u128(0x10);
    /// assert_eq!(ROOT_DISK.as_u128(), 0x10);
    /// ```
    pub const fn from_u128(value: u128) -> ResourceId {
        ResourceId([
            (value >> 96) as u32,
            (value >> 64) as u32,
            (value >> 32) as u32,
            value as u32,
        ])
    }

    /// The value of the id; for a UUID, its bytes as a big-endian number.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(laneway::ResourceId::from(u64::MAX).as_u128(), u64::MAX.into());
    /// ```
    pub const fn as_u128(self) -> u128 {
        let [a, b, c, d] = self.0;
        (a as u128) << 96 | (b as u128) << 64 | (c as u128) << 32 | d as u128
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.as_u128());
    }
}

impl From<Uuid> for ResourceId {
    fn from(uuid: Uuid) -> Self {
        ResourceId::from_u128(uuid.as_u128())
    }
}

impl From<ResourceId> for Uuid {
    fn from(id: ResourceId) -> Self {
        Uuid::from_u128(id.as_u128())
    }
}

impl From<u64> for ResourceId {
    fn from(value: u64) -> Self {
        ResourceId::from_u128(value.into())
    }
}

impl From<&str> for ResourceId {
    fn from(text: &str) -> Self {
        let uuid = Uuid::parse_str(text);
        uuid.unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
            .into()
    }
}

impl From<String> for ResourceId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for ResourceId {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Uuid::from(*self).hyphenated(), f)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceId({self})")
    }
}
