//! Buffers that are lent while there is something in them, and shared by all connections of a
//! thread otherwise: an idle connection holds none.

use std::cell::RefCell;

use bytes::BytesMut;

/// A buffer for commands and replies.
pub(crate) const SMALL: usize = 4 * 1024;
/// A buffer for message content.
pub(crate) const LARGE: usize = 32 * 1024;

/// An empty buffer with room for at least `size` octets.
pub(crate) fn take(size: usize) -> BytesMut {
    let found = with_pool(|pool| pool.shelf(size).pop());
    found
        .flatten()
        .unwrap_or_else(|| BytesMut::with_capacity(size))
}

/// Gives a buffer back; what is in it is gone.
pub(crate) fn give(mut buffer: BytesMut) {
    buffer.clear();
    let (size, most) = if buffer.capacity() > SMALL || buffer.try_reclaim(LARGE) {
        (LARGE, MAX_LARGE)
    } else {
        (SMALL, MAX_SMALL)
    };
    // Other handles may still hold parts of it, and then it is not ours to lend.
    if buffer.try_reclaim(size) && buffer.capacity() <= 2 * size {
        with_pool(|pool| {
            let shelf = pool.shelf(size);
            if shelf.len() < most {
                shelf.push(buffer);
            }
        });
    }
}

/// An initialised block for octets as they come from the wire.
pub(crate) fn take_block() -> Box<[u8]> {
    let found = with_pool(|pool| pool.blocks.pop());
    found
        .flatten()
        .unwrap_or_else(|| vec![0; LARGE].into_boxed_slice())
}

/// Gives a block back.
pub(crate) fn give_block(block: Box<[u8]>) {
    with_pool(|pool| {
        if pool.blocks.len() < MAX_LARGE {
            pool.blocks.push(block);
        }
    });
}

#[derive(Default)]
struct Pool {
    small: Vec<BytesMut>,
    large: Vec<BytesMut>,
    blocks: Vec<Box<[u8]>>,
}

impl Pool {
    const fn shelf(&mut self, size: usize) -> &mut Vec<BytesMut> {
        if size > SMALL {
            &mut self.large
        } else {
            &mut self.small
        }
    }
}

/// A thread that ends has no pool any more when its last connections are dropped.
fn with_pool<T>(change: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    POOL.try_with(|pool| change(&mut pool.borrow_mut())).ok()
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

const MAX_SMALL: usize = 32;
const MAX_LARGE: usize = 8;
