#![no_main]

use libfuzzer_sys::fuzz_target;
use rookery_protocol::testing::stability;

fuzz_target!(|data: &[u8]| stability::native_binary(data));
