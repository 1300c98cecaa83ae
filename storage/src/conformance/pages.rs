//! Pages and counts: every way to ask, beside the plain meaning of the words.

use super::bench::{Bench, END, same};
use super::say::{change, deletion, edit, events, message, place, reply, rewrites, room};
use super::{Check, Verdict};
use crate::ask::PageFrom;
use crate::limits::{PAGE_BYTES, PAYLOAD_BYTES};
use crate::record::Record;
use crate::{Place, RoomKey};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 10, name: "a page lies where it was asked for", run: every_page },
    Check { promise: 10, name: "a page of large messages stays within its bytes", run: large_messages },
    Check { promise: 10, name: "a deleted message keeps its place in pages", run: stubs },
    Check { promise: 10, name: "a thread is a history of its own", run: threads },
    Check { promise: 9, name: "nothing above the fence is shown", run: fenced },
];

/// 30 messages over three epochs, with changes between them.
fn mixed_room(bench: &mut Bench<'_>) -> Verdict<(RoomKey, Vec<Place>)> {
    let a = room("a");
    let (mut records, mut messages) = (Vec::new(), Vec::new());
    for seq in 1..=45 {
        let at = (1 + seq / 17, seq);
        if seq % 3 == 1 {
            records.push(change(at, "change"));
        } else {
            messages.push(place(at));
            records.push(message(at, messages.len() as u64, &format!("message {seq}")));
        }
    }
    let rest = records.split_off(40);
    bench.write(events(&a, records))?;
    bench.write(events(&a, rest))?;
    Ok((a, messages))
}

fn every_page(bench: &mut Bench<'_>) -> Verdict {
    let (a, all) = mixed_room(bench)?;
    // Every seq in its own and in a neighbouring epoch, and places that never were.
    let mut places: Vec<Place> = (0..=47).flat_map(|seq| [Place::new(1 + seq / 17, seq), Place::new(2, seq)]).collect();
    places.extend([Place::START, END]);
    let mut asks = vec![PageFrom::Newest];
    asks.extend(places.iter().flat_map(|p| [PageFrom::Before(*p), PageFrom::After(*p), PageFrom::Around(*p)]));
    asks.extend(
        [0, 1, 7, 29, 30, 31, u64::MAX].into_iter().flat_map(|n| [PageFrom::FromOldest(n), PageFrom::FromNewest(n)]),
    );
    for from in asks {
        for limit in [0, 1, 2, 7, 30, usize::MAX] {
            for fence in [END, Place::new(2, 30), Place::new(1, 1)] {
                let shown: Vec<Place> = all.iter().copied().filter(|place| *place <= fence).collect();
                let (older, want) = plain_page(&shown, from, limit);
                let newer = shown.len() - older - want.len();
                let page = bench.page(&a, from, limit, fence)?;
                let got: Vec<Place> = page.records.iter().map(|record| record.place).collect();
                let what = format!("page {from:?}, {limit} messages, fence {fence}");
                same(&what, (got, page.older, page.newer), (want.to_vec(), older as u64, newer as u64))?;
            }
        }
    }
    for after in &places {
        for fence in &places {
            let want = all.iter().filter(|place| *place > after && *place <= fence).count();
            same(&format!("count from {after} to {fence}"), bench.count(&a, *after, *fence)?, want as u64)?;
        }
    }
    Ok(())
}

/// Where the page begins, and what it holds: the meaning of each word, spelled out.
fn plain_page(shown: &[Place], from: PageFrom, limit: usize) -> (usize, &[Place]) {
    let all = shown.len();
    let left_out = |n: u64| n.min(all as u64) as usize;
    let (start, end) = match from {
        PageFrom::Newest => (all.saturating_sub(limit), all),
        PageFrom::Before(place) => {
            let end = shown.iter().filter(|p| **p < place).count();
            (end.saturating_sub(limit), end)
        }
        PageFrom::After(place) => {
            let start = shown.iter().filter(|p| **p <= place).count();
            (start, all.min(start.saturating_add(limit)))
        }
        PageFrom::FromOldest(n) => (left_out(n), all.min(left_out(n).saturating_add(limit))),
        PageFrom::FromNewest(n) => ((all - left_out(n)).saturating_sub(limit), all - left_out(n)),
        PageFrom::Around(place) => {
            let limit = limit.min(all);
            let first_at_or_above = shown.iter().filter(|p| **p < place).count();
            let mut start = first_at_or_above.saturating_sub(limit / 2);
            while start + limit > all {
                start -= 1;
            }
            (start, start + limit)
        }
    };
    (start, &shown[start..end])
}

fn large_messages(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let size = PAYLOAD_BYTES - 1;
    for seq in 1..=9 {
        bench.write(events(&a, vec![message((1, seq), seq, &"x".repeat(size))]))?;
    }
    let most = PAGE_BYTES / size;
    // What a page is anchored at stays: its newest, its oldest, or the message in the middle.
    let cases = [
        (PageFrom::Newest, 9),
        (PageFrom::Before(place((1, 8))), 7),
        (PageFrom::After(place((1, 2))), 3),
        (PageFrom::FromOldest(1), 2),
        (PageFrom::FromNewest(1), 8),
        (PageFrom::Around(place((1, 5))), 5),
        (PageFrom::Around(place((1, 9))), 9),
        (PageFrom::Around(place((1, 1))), 1),
    ];
    for (from, anchor) in cases {
        let page = bench.page(&a, from, 7, END)?;
        let seqs: Vec<u64> = page.records.iter().map(|record| record.place.seq.0).collect();
        let first = page.older + 1;
        let bounded = !seqs.is_empty() && seqs.len() <= most;
        let whole = seqs.iter().copied().eq(first..first + seqs.len() as u64);
        let counted = page.older + seqs.len() as u64 + page.newer == 9;
        let what = format!("page {from:?} of seqs {seqs:?} is bounded, whole, counted and anchored");
        same(&what, (bounded, whole, counted, seqs.contains(&anchor)), (true, true, true, true))?;
    }
    Ok(())
}

fn threads(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let roots = [(1, 1), (1, 2), (1, 7)];
    // Every third message answers the first root, every other third one the second; the third gets one reply.
    let mut records: Vec<Record> = (1..=30)
        .map(|seq| match seq {
            _ if seq < 4 || seq % 3 == 0 => message((1, seq), seq, "words"),
            30.. => message((1, seq), seq, "words"),
            _ => reply((1, seq), seq, roots[usize::from(seq % 3 == 2)], "reply"),
        })
        .collect();
    records[28] = reply((1, 29), 29, roots[2], "reply");
    bench.write(events(&a, records.clone()))?;
    bench.write(rewrites(&a, vec![deletion((1, 4), (1, 31), "stub")]))?;
    let check = |bench: &mut Bench<'_>, kept: u64| -> Verdict {
        for root in roots.into_iter().chain([(1, 4), (2, 1)]).map(place) {
            let all: Vec<Place> = records.iter().filter(|r| r.thread() == Some(root)).map(|r| r.place).collect();
            for fence in [END, place((1, 15))] {
                let shown: Vec<Place> = all.iter().copied().filter(|p| *p <= fence && p.seq.0 >= kept).collect();
                let bounds = [place((1, 4)), place((1, 9)), place((1, 10)), END];
                let mut asks = vec![PageFrom::Newest, PageFrom::FromOldest(2), PageFrom::FromNewest(2)];
                asks.extend(
                    bounds.into_iter().flat_map(|p| [PageFrom::Before(p), PageFrom::After(p), PageFrom::Around(p)]),
                );
                for from in asks {
                    let (older, want) = plain_page(&shown, from, 3);
                    let page = bench.thread(&a, root, from, 3, fence)?;
                    let got: Vec<Place> = page.records.iter().map(|record| record.place).collect();
                    let newer = shown.len() - older - want.len();
                    let what = format!("page {from:?} of the thread {root}, fence {fence}");
                    same(&what, (got, page.older, page.newer), (want.to_vec(), older as u64, newer as u64))?;
                }
            }
        }
        Ok(())
    };
    check(bench, 0)?;
    bench.trim(&a, crate::Keep { messages: 18, ..crate::Keep::ALL }, 0)?;
    check(bench, 13)?;
    bench.write(events(&a, vec![message((2, 20), 20, "instead")]))?;
    records.truncate(19);
    let newest = bench.thread(&a, place(roots[0]), PageFrom::Newest, 1, END)?;
    same("after the tail was dropped", newest.records.first().map(|r| r.place), Some(place((1, 19))))
}

fn stubs(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, (1..=5).map(|n| message((1, n), n, "words")).collect()))?;
    bench.write(events(&a, vec![edit((1, 6), (1, 3))]))?;
    bench.write(rewrites(&a, vec![deletion((1, 3), (1, 6), "")]))?;
    let ordinals = |records: &[Record]| records.iter().filter_map(Record::ordinal).collect::<Vec<_>>();
    let page = bench.page(&a, PageFrom::FromOldest(1), 3, END)?;
    same("ordinals", (ordinals(&page.records), page.older, page.newer), (vec![2, 3, 4], 1, 1))?;
    same("count", bench.count(&a, place((1, 2)), END)?, 3)
}

fn fenced(bench: &mut Bench<'_>) -> Verdict {
    let (a, all) = mixed_room(bench)?;
    for fence in [Place::START, place((1, 3)), place((1, 15)), place((2, 18)), place((3, 45))] {
        let shown: Vec<Place> = all.iter().copied().filter(|place| *place <= fence).collect();
        for from in [PageFrom::Newest, PageFrom::FromOldest(0), PageFrom::Around(END), PageFrom::After(Place::START)] {
            let got: Vec<Place> = bench.page(&a, from, 100, fence)?.records.iter().map(|record| record.place).collect();
            same(&format!("page {from:?} to the fence {fence}"), got, shown.clone())?;
        }
        same("count", bench.count(&a, Place::START, fence)?, shown.len() as u64)?;
        match *bench.replay(&a, Place::START, 100, fence)? {
            crate::Replay::Run(run) => {
                let above = run.items.iter().find(|item| item.record.place > fence).map(|item| item.record.place);
                same("replayed above the fence", above, None)?;
                same("replayed", (run.items.len() as u64, run.reached, run.more), (fence.seq.0, fence, false))?;
            }
            gone @ crate::Replay::Gone { .. } => return Err(format!("nothing was trimmed, but {gone:?}")),
        }
    }
    Ok(())
}
