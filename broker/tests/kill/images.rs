//! Power cuts: the disk's image is copied at random moments under load, and a node started on each copy has everything
//! that was acked before the copy began.
//!
//! `scripts/crash-images.sh` makes the disk: a file system in a file, on one that can copy a file at one moment.

use super::support::Folder;
use super::support::load::{Sender, judge, start};
use super::tail::Later;
use rookery_storage::dice::Dice;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SENDERS: u64 = 8;
const PER_ROUND: usize = 10;
/// After so many rounds a new folder begins: what one holds has to be read for every image.
const ROUNDS_OF_A_FOLDER: usize = 3;
/// Of so many images one gets a tail that was being written.
const TORN_ONE_IN: usize = 2;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |n| n.parse().unwrap())
}

/// What the script has made.
struct Rig {
    /// The image of the live file system, and next to it the copies.
    images: PathBuf,
    /// Where the live one is mounted.
    live: PathBuf,
    /// Where a copy is.
    copy: PathBuf,
}

struct Image {
    file: PathBuf,
    /// Of each sender, how many posts were acked before the copy began.
    acked: Vec<usize>,
    later: Option<Later>,
}

fn run(command: &str, arguments: &[&Path]) {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).args(arguments).output().unwrap();
    assert!(output.status.success(), "{command} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Rig {
    fn take(&self, number: usize, folder: &str, senders: &[Arc<std::sync::atomic::AtomicUsize>]) -> Image {
        let file = self.images.join(format!("copy-{number}.img"));
        let acked = senders.iter().map(|count| count.load(Ordering::Acquire)).collect();
        run("cp --reflink=always", &[&self.images.join("disk.img"), &file]);
        let torn = number.is_multiple_of(TORN_ONE_IN);
        Image { file, acked, later: torn.then(|| Later::see(&self.live.join(folder))).flatten() }
    }

    /// Messages in it, and whether its tail was torn.
    fn judge(&self, image: &Image, folder: &str, senders: &[Sender], dice: &mut Dice) -> (usize, bool) {
        run("mount -o loop", &[&image.file, &self.copy]);
        let data = self.copy.join(folder);
        let torn = image.later.as_ref().is_some_and(|later| later.tear(&data, dice));
        let promised: Vec<_> =
            senders.iter().zip(&image.acked).map(|(sender, count)| sender.promised(*count)).collect();
        let node = start(Folder::at(&data));
        let counted = judge(&node, &promised, &[]);
        let log = node.log();
        assert!(!log.contains("journal_damaged"), "a power cut is no damage: {log}");
        drop(node);
        run("umount", &[&self.copy]);
        std::fs::remove_file(&image.file).unwrap();
        (counted, torn)
    }
}

#[test]
#[ignore = "needs root and loop devices; scripts/crash-images.sh makes them and runs this"]
fn every_crash_image_has_what_was_acked() {
    let root = PathBuf::from(std::env::var("ROOKERY_RIG").unwrap());
    let rig = Rig { images: root.join("images"), live: root.join("live"), copy: root.join("copy") };
    let wanted = number("ROOKERY_IMAGES", 100) as usize;
    let seed = number("ROOKERY_SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let began = Instant::now();
    let (mut taken, mut torn, mut acked, mut counted) = (0, 0, 0, 0);
    let mut senders: Vec<Sender> = Vec::new();
    for round in 0..wanted.div_ceil(PER_ROUND) {
        let folder = format!("data-{}", round / ROUNDS_OF_A_FOLDER);
        if round.is_multiple_of(ROUNDS_OF_A_FOLDER) {
            for entry in std::fs::read_dir(&rig.live).unwrap().flatten() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
            senders = (0..SENDERS).map(Sender::new).collect();
        }
        let mut images = Vec::new();
        let counts: Vec<_> = senders.iter().map(|sender| sender.count.clone()).collect();
        let node = std::thread::scope(|scope| {
            let starting = scope.spawn(|| start(Folder::at(&rig.live.join(&folder))));
            if round % ROUNDS_OF_A_FOLDER > 0 {
                // While it starts, too. The moments are random; correctness does not hang on them.
                std::thread::sleep(Duration::from_millis(dice.below(120)));
                images.push(rig.take(taken, &folder, &counts));
            }
            starting.join().unwrap()
        });
        let address = node.address;
        std::thread::scope(|scope| {
            for sender in &mut senders {
                let token = node.token(&sender.user());
                scope.spawn(move || sender.run(address, &token));
            }
            while images.len() < PER_ROUND.min(wanted - taken) {
                std::thread::sleep(Duration::from_millis(20 + dice.below(200)));
                images.push(rig.take(taken + images.len(), &folder, &counts));
            }
            node.signal("-KILL");
        });
        drop(node.over());
        for image in &images {
            acked += image.acked.iter().sum::<usize>();
            let (messages, was_torn) = rig.judge(image, &folder, &senders, &mut dice);
            counted += messages;
            torn += usize::from(was_torn);
            taken += 1;
        }
        println!(
            "{taken} images, {torn} torn, {acked} acks looked for, {counted} messages read, {:?}",
            began.elapsed()
        );
    }
    assert!(acked > wanted * 100 && torn * 5 >= wanted, "nothing was proved");
    println!(
        "{taken} crash images, {torn} of them with a torn tail: {acked} acks from before their copies, all there, once, in \
         order, without holes; {counted} messages read; {:?}",
        began.elapsed()
    );
}
