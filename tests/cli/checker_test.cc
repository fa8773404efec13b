// Each promise, broken by hand: the checker must find it, and show no more than what shows it.
#include "client-sdk/cli/verify/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/story.h"

namespace atrium::verify {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kAna = Story::kAna;
constexpr int kBea = Story::kBea;
constexpr int kWatcher = Story::kWatcher;

// The only violation, as it is printed; what else there is fails the test.
std::string TheOnly(Story& story, Promise promise) {
  const Verdict verdict = Check(story.history());
  std::string all;
  for (const Violation& violation : verdict.violations) all += Text(story.history(), violation);
  EXPECT_EQ(verdict.violations.size(), 1u) << all;
  for (const Violation& violation : verdict.violations) EXPECT_EQ(violation.promise, promise) << all;
  return all;
}

// How many records it shows.
size_t Lines(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '#')); }

std::string AllOfIt(Story& story) {
  std::string all;
  for (const Violation& violation : Check(story.history()).violations) all += Text(story.history(), violation);
  return all;
}

// Ana and the watcher are there; the bystanders' frames 1 to 3 are not part of what goes wrong.
Story Beginning() {
  Story story;
  story.Enters(kWatcher, 0).Enters(kAna, 0);
  for (uint64_t offset = 1; offset <= 3; ++offset) {
    story.Sees(kWatcher, MembersAt(offset, 1)).Sees(kAna, MembersAt(offset, 1));
  }
  return story;
}

TEST(CheckerTest, FindsNothingWhereAllIsWell) {
  Story story = Beginning();
  story.Enters(kBea, 3);
  const FramePtr note = EventAt(4, "w:1", "ana");
  story.Asks(kAna, 1, {.member_id = "ana"}).Sees(kWatcher, note).Sees(kBea, note).Done(kAna, 1, 4).Knows(kAna, 4);
  const FramePtr patch = PatchAt(5, "add", "/a", R"("w:2")");
  story.Asks(kBea, 2, {.kind = Call::Kind::kSetState, .key = "k", .member_id = "bea"});
  story.Sees(kBea, patch).Sees(kAna, patch).Sees(kWatcher, patch);
  story.NoAnswer(kBea, 2).Asks(kBea, 2, {.kind = Call::Kind::kSetState, .key = "k"}).Done(kBea, 2, 5);
  story.Knows(kAna, 5, R"({"a": "w:2"})");
  const Verdict verdict = Check(story.history());
  EXPECT_TRUE(verdict.ok()) << AllOfIt(story);
  EXPECT_EQ(verdict.counts.writes_acknowledged, 2);
  EXPECT_EQ(verdict.counts.writes_seen, 2);
  EXPECT_EQ(verdict.counts.writes_repeated, 1);
  EXPECT_EQ(verdict.counts.frames_of_rooms, 5);
}

TEST(CheckerTest, AnOffsetForSomebodyElseIsNoGap) {
  Story story = Beginning();
  story.Enters(kBea, 3);
  story.Asks(kAna, 1, {.to = {"bea"}}).Sees(kBea, EventAt(4, "w:1")).Done(kAna, 1, 4);
  story.Asks(kAna, 2, {.exclude = {"ana"}}).Sees(kBea, EventAt(5, "w:2")).Sees(kWatcher, EventAt(5, "w:2"));
  story.Done(kAna, 2, 5).Knows(kAna, 5).Knows(kWatcher, 5);
  // To nobody who is there: only the answer tells of it.
  story.Asks(kAna, 3, {.to = {"carl"}}).Done(kAna, 3, 6).Knows(kAna, 6).Knows(kBea, 6);
  // Perhaps done, and then for bea, who has left.
  story.Add(kBea, Exited{kRoom}).Asks(kAna, 4, {.to = {"bea"}}).NoAnswer(kAna, 4);
  story.Sees(kAna, MembersAt(8, 1)).Sees(kWatcher, MembersAt(8, 1));
  EXPECT_THAT(AllOfIt(story), IsEmpty());
}

TEST(CheckerTest, ARepeatedEventIsNotForTheSessionThatRepeatedIt) {
  Story story;
  story.Enters(kAna, 0).Asks(kAna, 1, {.key = "k", .member_id = "ana"}).NoAnswer(kAna, 1);
  story.Add(kAna, LostConnection()).Add(kAna, Reconnected{.resumed = false});
  story.Recovers(kAna, 0, 0, 0, "ana again").Asks(kAna, 1, {.key = "k", .member_id = "ana again"});
  // In an empty room: nobody else can tell of it.
  story.Knows(kAna, 1).Done(kAna, 1, 1);
  EXPECT_THAT(AllOfIt(story), IsEmpty());
}

TEST(CheckerTest, AResumedSessionGoesOnAndANewOneGetsWhatIsPublic) {
  Story story = Beginning();
  story.Enters(kBea, 3).Add(kAna, LostConnection()).Add(kBea, LostConnection());
  const FramePtr to_ana = EventAt(4, "w:1");
  const FramePtr not_to_bea = EventAt(5, "w:2");
  story.Asks(kWatcher, 1, {.to = {"ana"}}).Done(kWatcher, 1, 4);
  story.Asks(kWatcher, 2, {.exclude = {"bea"}}).Sees(kWatcher, not_to_bea).Done(kWatcher, 2, 5);
  story.Add(kAna, Reconnected{.resumed = true}).Sees(kAna, to_ana).Sees(kAna, not_to_bea);
  story.Add(kBea, Reconnected{.resumed = false}).Recovers(kBea, 3, 3, 5, "bea again").Sees(kBea, not_to_bea);
  EXPECT_THAT(AllOfIt(story), IsEmpty());
}

TEST(CheckerTest, FindsTwoFramesAtOneOffset) {
  Story story = Beginning();
  const size_t first = story.next();
  story.Sees(kWatcher, MembersAt(4, 1)).Sees(kAna, MembersAt(4, 2));
  const std::string text = TheOnly(story, Promise::kOneOrder);
  EXPECT_EQ(Lines(text), 2u) << text;
  EXPECT_THAT(text, AllOf(HasSubstr(absl::StrCat("#", first, "  watcher  sees    :4 member count 1")),
                          HasSubstr(absl::StrCat("#", first + 1, "  ana  sees    :4 member count 2"))));
}

TEST(CheckerTest, FindsAnOffsetThatComesLate) {
  Story story;
  story.Enters(kWatcher, 0).Enters(kAna, 0);
  for (const uint64_t offset : {1, 2, 3}) story.Sees(kWatcher, MembersAt(offset, 1));
  for (const uint64_t offset : {2, 1, 3}) story.Sees(kAna, MembersAt(offset, 1));
  const std::string text = AllOfIt(story);
  EXPECT_THAT(text, HasSubstr("offset 1 comes behind what follows it"));
}

TEST(CheckerTest, FindsAFrameThatAMemberMisses) {
  Story story = Beginning();
  const FramePtr lost = EventAt(4, "w:1");
  story.Asks(kBea, 1).Sees(kWatcher, lost).Done(kBea, 1, 4);
  story.Sees(kWatcher, MembersAt(5, 1)).Sees(kAna, MembersAt(5, 1));
  const std::string text = TheOnly(story, Promise::kNoGap);
  // What came before, what was lost, what came behind, and who asked for it.
  EXPECT_EQ(Lines(text), 4u) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("a client misses offset 4"), HasSubstr("ana  sees    :3"),
                          HasSubstr("watcher  sees    :4 event note \"w:1\""), HasSubstr("ana  sees    :5"),
                          HasSubstr("bea  asks    emit w:1"), Not(HasSubstr(":2"))));
}

TEST(CheckerTest, FindsWhatIsMissingBehindAnAnswer) {
  Story story = Beginning();
  story.Sees(kWatcher, MembersAt(4, 1)).Knows(kAna, 4);
  const std::string text = TheOnly(story, Promise::kNoGap);
  EXPECT_THAT(text, HasSubstr("ana  knows   all up to e1:4"));
}

TEST(CheckerTest, FindsAPartOfWhatAResumedSessionMissed) {
  Story story = Beginning();
  story.Add(kAna, LostConnection()).Sees(kWatcher, MembersAt(4, 1)).Sees(kWatcher, MembersAt(5, 1));
  story.Add(kAna, Reconnected{.resumed = true}).Sees(kAna, MembersAt(5, 1));
  EXPECT_THAT(TheOnly(story, Promise::kNoGap), HasSubstr("a client misses offset 4"));
}

TEST(CheckerTest, FindsAnOffsetThatNobodySaw) {
  Story story = Beginning();
  story.Sees(kWatcher, MembersAt(5, 1)).Sees(kAna, MembersAt(5, 1));
  EXPECT_THAT(TheOnly(story, Promise::kNoGap), HasSubstr("nobody has seen offset 4"));
}

TEST(CheckerTest, FindsAFrameThatComesTwice) {
  Story story = Beginning();
  story.Sees(kAna, MembersAt(3, 1));
  const std::string text = TheOnly(story, Promise::kNoDuplicate);
  EXPECT_EQ(Lines(text), 2u) << text;
  EXPECT_THAT(text, HasSubstr("offset 3 comes again"));

  Story old = Beginning();
  old.Enters(kBea, 3).Sees(kBea, MembersAt(3, 1));
  EXPECT_THAT(TheOnly(old, Promise::kNoDuplicate), HasSubstr("bea  enters  at e1:3"));
}

TEST(CheckerTest, FindsStatesThatDiffer) {
  Story story = Beginning();
  story.Sees(kAna, PatchAt(4, "add", "/a", "1")).Sees(kWatcher, PatchAt(4, "add", "/a", "1"));
  story.Enters(kBea, 4, R"({"a": 2})");
  const std::string text = TheOnly(story, Promise::kEqualState);
  EXPECT_THAT(text,
              AllOf(HasSubstr(R"({"a":1E0})"), HasSubstr("bea  enters  at e1:4 as bea, members 1, state {\"a\":2}"),
                    HasSubstr("ana  sees    :4 patch add /a 1"), Not(HasSubstr(":3"))));

  Story asked = Beginning();
  asked.Knows(kAna, 3, R"({"b": 1})");
  EXPECT_THAT(TheOnly(asked, Promise::kEqualState), HasSubstr("ana  knows   all up to e1:3, state {\"b\":1}"));
}

TEST(CheckerTest, FindsAPatchThatDoesNotFit) {
  Story story = Beginning();
  story.Sees(kAna, PatchAt(4, "remove", "/gone", "")).Sees(kWatcher, PatchAt(4, "remove", "/gone", ""));
  EXPECT_THAT(AllOfIt(story), HasSubstr("there is nothing to remove at '/gone'"));
}

TEST(CheckerTest, FindsAnAcknowledgedWriteThatIsGone) {
  // Its offset is another's.
  Story replaced = Beginning();
  replaced.Asks(kBea, 1).Done(kBea, 1, 4).Sees(kWatcher, MembersAt(4, 1)).Sees(kAna, MembersAt(4, 1));
  const std::string text = TheOnly(replaced, Promise::kAcknowledged);
  EXPECT_EQ(Lines(text), 3u) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("w:1 was acknowledged at offset 4, and something else is there"),
                          HasSubstr("bea          done at e1:4")));

  // The room ends before it.
  Story shorter = Beginning();
  shorter.Asks(kBea, 1).Done(kBea, 1, 4).Knows(kWatcher, 3, "", /*last=*/true);
  EXPECT_THAT(TheOnly(shorter, Promise::kAcknowledged), HasSubstr("and the room ends before"));

  // Those who were there did not get it.
  Story nobody = Beginning();
  nobody.Asks(kBea, 1).Done(kBea, 1, 4).Sees(kAna, MembersAt(5, 1)).Sees(kWatcher, MembersAt(5, 1));
  EXPECT_THAT(TheOnly(nobody, Promise::kAcknowledged), HasSubstr("nobody gets offset 4"));

  // Its answer has no position, and all of the room was seen.
  Story method = Beginning();
  method.Asks(kBea, 1, {.kind = Call::Kind::kMethod}).DoneSomewhere(kBea, 1).Knows(kWatcher, 3, "", /*last=*/true);
  EXPECT_THAT(TheOnly(method, Promise::kAcknowledged), HasSubstr("all of which was seen"));
}

TEST(CheckerTest, FindsARefusedWriteThatIsThere) {
  Story story = Beginning();
  story.Asks(kBea, 1).Refused(kBea, 1).Sees(kWatcher, EventAt(4, "w:1")).Sees(kAna, EventAt(4, "w:1"));
  EXPECT_THAT(TheOnly(story, Promise::kAcknowledged), HasSubstr("was refused, and yet it is at offset 4"));
}

TEST(CheckerTest, FindsAWriteThatIsThereTwice) {
  Story story = Beginning();
  story.Asks(kBea, 1, {.key = "k"}).NoAnswer(kBea, 1).Asks(kBea, 1, {.key = "k"}).Done(kBea, 1, 5);
  for (const uint64_t offset : {4, 5}) {
    story.Sees(kWatcher, EventAt(offset, "w:1")).Sees(kAna, EventAt(offset, "w:1"));
  }
  const std::string text = AllOfIt(story);
  EXPECT_THAT(text, HasSubstr("w:1 is there twice, at offsets 4 and 5"));
  EXPECT_THAT(text, HasSubstr("asks    emit w:1 with key k"));
}

TEST(CheckerTest, FindsARepeatedWriteThatIsAnsweredDifferently) {
  Story story = Beginning();
  story.Asks(kBea, 1, {.key = "k", .to = {"carl"}}).Done(kBea, 1, 4);
  story.Asks(kBea, 1, {.key = "k", .to = {"carl"}}).Done(kBea, 1, 5);
  EXPECT_THAT(TheOnly(story, Promise::kOnce), HasSubstr("answered with offset 4 and then 5"));
}

TEST(CheckerTest, FindsTwoWinnersOfAConditionalWrite) {
  Story story = Beginning();
  const Call on_three = {.kind = Call::Kind::kSetState, .expected_offset = 3};
  story.Asks(kAna, 1, on_three).Asks(kBea, 2, on_three);
  for (const uint64_t offset : {4, 5}) {
    const FramePtr patch = PatchAt(offset, "add", "/turn", absl::StrCat("\"w:", offset - 3, "\""));
    story.Sees(kAna, patch).Sees(kWatcher, patch);
  }
  story.Done(kAna, 1, 4).Done(kBea, 2, 5);
  const std::string text = TheOnly(story, Promise::kConditional);
  EXPECT_THAT(text, HasSubstr("two writes win on offset 3"));
  EXPECT_EQ(Lines(text), 4u) << text;
}

TEST(CheckerTest, FindsAConditionalWriteOnAStateThatHasChanged) {
  Story story = Beginning();
  for (const uint64_t offset : {4, 5}) {
    const FramePtr patch = PatchAt(offset, "add", "/turn", offset == 4 ? "\"x\"" : "\"w:1\"");
    story.Sees(kAna, patch).Sees(kWatcher, patch);
  }
  story.Asks(kBea, 1, {.kind = Call::Kind::kSetState, .expected_offset = 3}).Done(kBea, 1, 5);
  EXPECT_THAT(TheOnly(story, Promise::kConditional), HasSubstr("though the state has changed at offset 4"));
}

TEST(CheckerTest, FindsMoreMembersThanSeats) {
  const auto enters = [](const std::string& as) {
    return Entered{.room = kRoom, .position = {kEpoch, 0}, .member_id = as, .members = 1, .max_members = 1};
  };
  Story counted;
  counted.Add(kAna, enters("ana")).Sees(kAna, MembersAt(1, 2));
  EXPECT_THAT(TheOnly(counted, Promise::kCapacity), HasSubstr("there are 2 members in a room of 1 seats"));

  Story hidden;
  hidden.Add(kAna, enters("ana")).Add(kBea, enters("bea"));
  EXPECT_THAT(TheOnly(hidden, Promise::kCapacity), HasSubstr("2 clients are in a room of 1 seats"));

  Story by_turns;
  by_turns.Add(kAna, enters("ana")).Asks(kAna, 1, {.kind = Call::Kind::kLeave}).Add(kBea, enters("bea"));
  EXPECT_THAT(AllOfIt(by_turns), IsEmpty());
}

TEST(CheckerTest, FindsWhatIsNotForWhoGetsIt) {
  Story other = Beginning();
  other.Asks(kBea, 1, {.to = {"bea"}}).Done(kBea, 1, 4).Sees(kAna, EventAt(4, "w:1"));
  EXPECT_THAT(TheOnly(other, Promise::kPrivate), HasSubstr("offset 4, which is not for it"));

  Story watched = Beginning();
  watched.Asks(kBea, 1, {.to = {"ana"}})
      .Done(kBea, 1, 4)
      .Sees(kAna, EventAt(4, "w:1"))
      .Sees(kWatcher, EventAt(4, "w:1"));
  EXPECT_THAT(TheOnly(watched, Promise::kPrivate), HasSubstr("watcher  sees    :4"));

  Story own = Beginning();
  own.Asks(kAna, 1, {.member_id = "ana"}).Done(kAna, 1, 4);
  own.Sees(kAna, EventAt(4, "w:1", "ana")).Sees(kWatcher, EventAt(4, "w:1", "ana"));
  TheOnly(own, Promise::kPrivate);

  Story gone = Beginning();
  gone.Add(kAna, Exited{kRoom}).Sees(kWatcher, MembersAt(4, 0)).Sees(kAna, MembersAt(4, 0));
  EXPECT_THAT(TheOnly(gone, Promise::kPrivate), HasSubstr("a room that it is not in"));
}

TEST(CheckerTest, FindsARecoveryFromElsewhere) {
  Story story = Beginning();
  story.Add(kAna, Reconnected{}).Recovers(kAna, 3, 2, 3, "ana").Sees(kAna, MembersAt(3, 1));
  EXPECT_THAT(TheOnly(story, Promise::kRecovery), HasSubstr("goes on from elsewhere"));
}

TEST(CheckerTest, FindsANewEpochOfADurableRoom) {
  Story story = Beginning();
  story.Add(kAna, Reconnected{}).Enters(kAna, 0, "{}", "e2");
  EXPECT_THAT(AllOfIt(story), IsEmpty());
  story.history().durable_rooms.insert(kRoom);
  EXPECT_THAT(TheOnly(story, Promise::kDurable), HasSubstr("the room has a new epoch"));
}

}  // namespace
}  // namespace atrium::verify
