//! Stories that MONO lets pass, and stories that it objects to.

use super::super::story::{Story, acked, epoch, head, leads, nacked, truncated};
use super::*;

/// r1 has promised epoch 0 and acknowledged ops 1 and 2, all durable.
fn story() -> Story {
    let mut story = Story::of(OracleId::Mono);
    story.boot(1, 1).durable(1, 0, 0).probe(1, epoch(0, 0));
    story.holds(1, 1, 0xa).probe(1, head(1, 0xa)).probe(1, acked(0, 1, 0xa));
    story.holds(1, 2, 0xb).probe(1, head(2, 0xb)).probe(1, acked(0, 2, 0xb));
    story
}

#[test]
fn promises_that_are_kept_over_a_restart() {
    let mut story = story();
    story.durable(1, 1, 0).probe(1, epoch(1, 0)).crash(1, 1).boot(1, 2).probe(1, head(2, 0xb)).probe(1, epoch(1, 0));
    story
        .durable(1, 1, 1)
        .probe(1, epoch(1, 1))
        .probe(1, acked(1, 2, 0xb))
        .probe(1, nacked(2, 0xe))
        .probe(1, leads(3, 2, &[]));
    assert_eq!(story.end(), "kept");
    assert!(matches!(story.checked(), Checked::Checked(n) if n > 10));
}

#[test]
fn an_epoch_goes_back() {
    let mut story = story();
    story.durable(1, 3, 2).probe(1, epoch(3, 2)).probe(1, epoch(2, 2));
    assert_eq!(story.end(), "r1 promises epoch 2 (log of 2), but it had promised epoch 3 (log of 2)");
    let mut story = self::story();
    story.durable(1, 3, 2).probe(1, epoch(3, 2)).probe(1, epoch(4, 1));
    assert_eq!(story.end(), "r1 promises epoch 4 (log of 1), but it had promised epoch 3 (log of 2)");
}

#[test]
fn an_epoch_is_promised_before_it_is_durable() {
    let mut story = story();
    story.probe(1, epoch(1, 0));
    assert_eq!(story.end(), "r1 promises epoch 1 (log of 0) with epoch 0 (log of 0) on its disk");
    let mut story = Story::of(OracleId::Mono);
    story.boot(1, 1).probe(1, epoch(0, 0));
    assert_eq!(story.end(), "r1 promises epoch 0 (log of 0) with no epoch on its disk");
}

#[test]
fn a_promised_epoch_is_gone_after_a_restart() {
    let mut story = story();
    story.durable(1, 2, 0).probe(1, epoch(2, 0)).durable(1, 0, 0).crash(1, 1).boot(1, 2);
    assert_eq!(story.end(), "r1 restarts with epoch 0 (log of 0) on its disk, but it had promised epoch 2 (log of 0)");
}

#[test]
fn an_acknowledged_entry_is_gone_after_a_restart() {
    let mut story = story();
    story.forgets(1, 1).crash(1, 1).boot(1, 2);
    assert_eq!(
        story.end(),
        "r1 restarts and does not have it on its disk, but it had acknowledged op 1 (0000000a) in epoch 0"
    );
    let mut story = self::story();
    story.holds(1, 2, 0xe).crash(1, 1).boot(1, 2);
    let said =
        "r1 restarts and has 0000000e in its place on its disk, but it had acknowledged op 2 (0000000b) in epoch 0";
    assert_eq!(story.end(), said);
}

#[test]
fn what_was_cut_or_is_in_a_checkpoint_need_not_be_in_the_log() {
    let mut story = story();
    story.probe(1, truncated(1, 1)).forgets(1, 2).crash(1, 1).boot(1, 2).probe(1, head(1, 0xa)).probe(1, epoch(0, 0));
    assert_eq!(story.end(), "kept");
    let mut story = self::story();
    story.checkpointed(1, 2).forgets(1, 1).forgets(1, 2).crash(1, 1).boot(1, 2);
    assert_eq!(story.end(), "kept");
}

#[test]
fn an_entry_is_acknowledged_before_it_is_durable() {
    let mut story = story();
    story.probe(1, acked(0, 3, 0xc));
    assert_eq!(story.end(), "r1 acknowledges op 3 (0000000c) in epoch 0, but it is not durable on its disk");
    let mut story = self::story();
    story.holds(1, 3, 0xe).probe(1, acked(0, 3, 0xc));
    assert_eq!(story.end(), "r1 acknowledges op 3 (0000000c) in epoch 0, but 0000000e is in its place on its disk");
}

#[test]
fn what_was_erased_and_is_there_all_the_same_may_be_acknowledged() {
    let erased = |number| {
        let mut story = story();
        story.probe(1, truncated(1, 1)).forgets(1, 2).keeps(1, 2, number).crash(1, 1).boot(1, 2);
        story
    };
    // What becomes of it afterwards is the disk's doing.
    let mut story = erased(0xb);
    story.probe(1, acked(1, 2, 0xb)).crash(1, 2).boot(1, 3);
    assert_eq!(story.end(), "kept");
    let mut story = erased(0xb);
    story.holds(1, 3, 0xc).probe(1, acked(1, 3, 0xc)).crash(1, 2).boot(1, 3);
    assert_eq!(story.end(), "kept");
    // Once the system has written it again, it is its own affair.
    let mut story = erased(0xb);
    story.probe(1, acked(1, 2, 0xb)).holds(1, 2, 0xb).probe(1, acked(1, 2, 0xb)).forgets(1, 2).crash(1, 2).boot(1, 3);
    assert!(story.end().ends_with("but it had acknowledged op 2 (0000000b) in epoch 1"));
    let mut story = erased(0xb);
    story.probe(1, acked(1, 2, 0xb)).holds(1, 2, 0xb).crash(1, 2).boot(1, 3).forgets(1, 2).crash(1, 3).boot(1, 4);
    assert!(story.end().ends_with("but it had acknowledged op 2 (0000000b) in epoch 1"));
    // But not another entry, and not one that is there no longer.
    let mut story = erased(0xe);
    story.probe(1, acked(1, 2, 0xb));
    assert_eq!(story.end(), "r1 acknowledges op 2 (0000000b) in epoch 1, but it is not durable on its disk");
    // Nor does it excuse what was promised, acknowledged and then erased.
    let mut story = self::story();
    story.forgets(1, 2).keeps(1, 2, 0xb).crash(1, 1).boot(1, 2);
    assert!(story.end().ends_with("but it had acknowledged op 2 (0000000b) in epoch 0"));
}

#[test]
fn an_acknowledgement_is_for_all_before_it() {
    let mut story = story();
    story.holds(1, 4, 0xd).probe(1, acked(0, 4, 0xd));
    let said = "r1 acknowledges op 4 (0000000d) and all before it in epoch 0, but op 3 is not durable on its disk";
    assert_eq!(story.end(), said);
    // What one acknowledgement covered is remembered like what was named.
    let mut story = self::story();
    story.holds(1, 3, 0xc).holds(1, 4, 0xd).probe(1, acked(0, 4, 0xd)).forgets(1, 3).crash(1, 1).boot(1, 2);
    assert!(story.end().ends_with("but it had acknowledged op 3 (0000000c) in epoch 0"));
}

#[test]
fn one_epoch_acknowledges_one_entry_for_an_index() {
    let mut story = story();
    story.holds(1, 2, 0xe).probe(1, acked(0, 2, 0xe));
    let said = "r1 acknowledges op 2 as 0000000e in epoch 0, but it had acknowledged it as 0000000b in epoch 0";
    assert_eq!(story.end(), said);
    // A later epoch may put another one there.
    let mut story = self::story();
    story.holds(1, 2, 0xe).probe(1, acked(1, 2, 0xe)).crash(1, 1).boot(1, 2);
    assert_eq!(story.end(), "kept");
}

#[test]
fn an_acknowledged_entry_is_disowned() {
    let mut story = story();
    story.probe(1, nacked(1, 0xa));
    assert_eq!(story.end(), "r1 says that it never acknowledged op 1 (0000000a), but it had done so in epoch 0");
}

#[test]
fn a_log_that_ends_early_is_no_ground_for_promises() {
    // A rotten entry was taken for the end of the log. In the god's view the disk still holds it.
    let mut story = story();
    story.crash(1, 1).boot(1, 2).probe(1, head(1, 0xa)).durable(1, 1, 0).probe(1, epoch(1, 0));
    assert_eq!(story.end(), "r1 promises epoch 1 (log of 0), but its log ends at op 1 and it had acknowledged op 2");
    // To say so after the fact is in time, as long as nothing was promised in between.
    let mut story = self::story();
    story.probe(1, head(1, 0xa)).probe(1, truncated(1, 1)).durable(1, 1, 1).probe(1, epoch(1, 1));
    assert_eq!(story.end(), "kept");
}

#[test]
fn another_entry_where_an_acknowledged_one_was() {
    let mut story = story();
    story.crash(1, 1).boot(1, 2).probe(1, head(2, 0xe)).probe(1, leads(1, 0, &[0xa, 0xe]));
    let said = "r1 begins to lead epoch 1, but its log has 0000000e as op 2 and it had acknowledged 0000000b there";
    assert_eq!(story.end(), said);
}

#[test]
fn a_log_is_cut_for_later_epochs_only() {
    let mut story = story();
    story.probe(1, truncated(1, 0));
    let said = "r1 cuts its log after op 1 for epoch 0, but it had acknowledged op 2 (0000000b) in epoch 0";
    assert_eq!(story.end(), said);
    let mut story = self::story();
    story.probe(1, acked(1, 2, 0xb)).probe(1, truncated(1, 1));
    assert!(story.end().ends_with("but it had acknowledged op 2 (0000000b) in epoch 1"));
}

#[test]
fn a_wiped_replica_speaks_as_if_nothing_had_happened() {
    let mut story = story();
    story.crash(1, 1).wipe(1).boot(1, 2).durable(1, 0, 0).probe(1, epoch(0, 0));
    let said = "r1 promises epoch 0 (log of 0), but its disk is lost and it has not said that it is recovering";
    assert_eq!(story.end(), said);
    // A second restart does not make it innocent.
    let mut story = self::story();
    story.crash(1, 1).wipe(1).boot(1, 2).crash(1, 2).boot(1, 3).holds(1, 1, 0xc).probe(1, acked(0, 1, 0xc));
    assert!(story.end().contains("its disk is lost"));
}

#[test]
fn a_recovering_replica_is_released_until_it_promises_again() {
    let mut story = story();
    story.crash(1, 1).wipe(1).boot(1, 2).probe(1, Probe::Recovering).forgets(1, 1).forgets(1, 2);
    story
        .probe(1, head(0, 0))
        .crash(1, 2)
        .boot(1, 3)
        .probe(1, Probe::Recovering)
        .durable(1, 0, 0)
        .probe(1, epoch(0, 0));
    story.holds(1, 1, 0xe).probe(1, acked(0, 1, 0xe));
    assert_eq!(story.end(), "kept");
    let mut story = self::story();
    story.probe(1, Probe::Recovering).probe(1, epoch(0, 0)).probe(1, acked(0, 1, 0xe));
    assert!(story.end().contains("but 0000000a is in its place on its disk"));
}

#[test]
fn only_recent_acknowledgements_are_remembered() {
    let mut story = story();
    for index in 3..=200 {
        story.holds(1, index, index).probe(1, acked(0, index, index));
    }
    story.forgets(1, 200 - ACKS_KEPT - 1).crash(1, 1).boot(1, 2);
    assert_eq!(story.end(), "kept");
    story.forgets(1, 200 - ACKS_KEPT).crash(1, 2).boot(1, 3);
    assert!(story.end().ends_with("but it had acknowledged op 136 (00000088) in epoch 0"));
}

#[test]
fn without_a_layout_words_are_judged_but_nothing_is_green() {
    let mut story = Story::without_layout(OracleId::Mono);
    story.probe(1, epoch(2, 0)).probe(1, acked(2, 1, 0xa)).crash(1, 1).boot(1, 2);
    assert_eq!(story.end(), "kept");
    assert!(matches!(story.checked(), Checked::NotChecked(_)));
    story.probe(1, epoch(1, 0));
    assert_eq!(story.end(), "r1 promises epoch 1 (log of 0), but it had promised epoch 2 (log of 0)");
}
