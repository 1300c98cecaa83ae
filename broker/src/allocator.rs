//! The allocator of the binary: mimalloc, called the shortest way, and told when there is time to tidy up.
//!
//! The crate `mimalloc` asks for an alignment with every allocation, which takes a small one a longer way; and what
//! a burst has left behind is given back only when more is allocated, so an idle node would keep it.
//!
//! # Why this is sound
//! Every pointer that leaves here came from `mi_malloc`, `mi_zalloc`, `mi_realloc` or their aligned forms, and all of
//! these may be given to `mi_free` and to either form of reallocation, whatever made them. They answer null where there
//! is no memory, as [`GlobalAlloc`] wants it. None of them unwinds. The short forms promise what C promises of `malloc`
//! (C17, 7.22.3): memory aligned for every object of the size asked for whose alignment is fundamental, that is 16 at
//! most. A layout whose size is at least its alignment is such an object's; every other one takes the long form.
#![allow(unsafe_code)]

use libmimalloc_sys as mi;
use std::alloc::{GlobalAlloc, Layout};

/// mimalloc without transparent huge pages: they would turn the memory of an idle connection into twice as much.
pub struct Allocator;

/// Up to this alignment C's `malloc` aligns by itself (on the 64-bit machines that we run on).
const FUNDAMENTAL: usize = 16;

const fn aligns_itself(size: usize, align: usize) -> bool {
    align <= FUNDAMENTAL && align <= size
}

// SAFETY: see above. A layout's size is never above `isize::MAX`, and its alignment is a power of two.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: takes any size, and any alignment that is a power of two.
        unsafe {
            if aligns_itself(size, align) {
                mi::mi_malloc(size).cast()
            } else {
                mi::mi_malloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe {
            if aligns_itself(size, align) {
                mi::mi_zalloc(size).cast()
            } else {
                mi::mi_zalloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller gives back what came from here, once.
        unsafe { mi::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller gives back what came from here; the rest as in `alloc`.
        unsafe {
            if aligns_itself(size, layout.align()) {
                mi::mi_realloc(block.cast(), size).cast()
            } else {
                mi::mi_realloc_aligned(block.cast(), size, layout.align()).cast()
            }
        }
    }
}

/// Gives back to the system what this thread has freed lately. Takes its time: for moments without work.
pub fn tidy() {
    // SAFETY: may be called at any time from any thread; it touches free memory only.
    unsafe { mi::mi_collect(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every layout that the program could ask for lies where it must, through growing and shrinking.
    #[test]
    fn blocks_are_aligned_and_keep_what_is_in_them() {
        for align in (0..=12).map(|bit| 1usize << bit) {
            for size in [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 33, 48, 100, 1023, 1025, 5000, 70_000] {
                let layout = Layout::from_size_align(size, align).unwrap();
                for other in [1, size / 2 + 1, size * 3] {
                    // SAFETY: sizes are not zero, every block is freed once with the layout it has then, and what is
                    // read was written or zeroed.
                    unsafe {
                        let block = Allocator.alloc_zeroed(layout);
                        assert!(!block.is_null() && block.addr().is_multiple_of(align));
                        assert!((0..size).all(|i| *block.add(i) == 0));
                        block.write_bytes(7, size);
                        let moved = Allocator.realloc(block, layout, other);
                        assert!(!moved.is_null() && moved.addr().is_multiple_of(align), "{layout:?} to {other}");
                        assert!((0..size.min(other)).all(|i| *moved.add(i) == 7));
                        Allocator.dealloc(moved, Layout::from_size_align(other, align).unwrap());
                        let plain = Allocator.alloc(layout);
                        assert!(plain.addr().is_multiple_of(align));
                        Allocator.dealloc(plain, layout);
                    }
                }
            }
        }
        tidy();
    }
}
