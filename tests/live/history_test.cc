#include "server/live/rooms/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/support/matchers.h"
#include "tests/support/room_world.h"

namespace atrium {
namespace {

using testing::Client;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RoomWorld;

constexpr SteadyTime kStart;
const absl::Time kShown = absl::FromUnixSeconds(1'800'000'000);

FramePtr EventAt(uint64_t offset, const std::string& text = "", EncodingSet encodings = Encoding::kGrpc) {
  return EncodeEvent({.room_id = "r",
                      .origin = {.room = 1, .offset = offset},
                      .event = "e",
                      .data = Payload::FromJson(json::string(text)),
                      .time = kShown},
                     encodings);
}

bool Anything(const Audience&) { return true; }

std::vector<uint64_t> OffsetsAfter(History& history, uint64_t offset, const History::Wanted& wanted = Anything,
                                   size_t most = 1000) {
  std::vector<uint64_t> offsets;
  for (const FramePtr& frame : history.After(offset, std::nullopt, wanted, most)) {
    offsets.push_back(frame->origin().offset);
  }
  return offsets;
}

TEST(HistoryTest, GivesWhatFollowsAnOffset) {
  const HistoryLimits limits;
  History history(limits);
  EXPECT_TRUE(history.Covers(0, kStart));
  EXPECT_THAT(OffsetsAfter(history, 0), IsEmpty());
  for (uint64_t offset = 1; offset <= 5; ++offset) history.Add(EventAt(offset), {}, kStart);
  EXPECT_THAT(OffsetsAfter(history, 0), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(OffsetsAfter(history, 3), ElementsAre(4, 5));
  EXPECT_THAT(OffsetsAfter(history, 5), IsEmpty());
  EXPECT_THAT(OffsetsAfter(history, 1, Anything, 2), ElementsAre(2, 3));
}

TEST(HistoryTest, LeavesOutWhatIsNotWanted) {
  const HistoryLimits limits;
  History history(limits);
  history.Add(EventAt(1), {}, kStart);
  history.Add(EventAt(2), {.kind = Audience::Kind::kOnly, .keys = {7}}, kStart);
  history.Add(EventAt(3), {.kind = Audience::Kind::kExcept, .keys = {7}}, kStart);
  const auto is_public = [](const Audience& audience) { return audience.is_public(); };
  EXPECT_THAT(OffsetsAfter(history, 0, is_public), ElementsAre(1, 3));
  const auto for_seven = [](const Audience& audience) { return audience.Includes(7); };
  EXPECT_THAT(OffsetsAfter(history, 0, for_seven), ElementsAre(1, 2));
  // The most that are wanted, not looked at.
  EXPECT_THAT(OffsetsAfter(history, 1, is_public, 1), ElementsAre(3));
}

TEST(HistoryTest, KeepsSoManyFrames) {
  const HistoryLimits limits{.frames = 3};
  History history(limits);
  for (uint64_t offset = 1; offset <= 5; ++offset) history.Add(EventAt(offset), {}, kStart);
  EXPECT_THAT(OffsetsAfter(history, 0), ElementsAre(3, 4, 5));
  EXPECT_FALSE(history.Covers(1, kStart));
  EXPECT_TRUE(history.Covers(2, kStart)) << "all behind 2 is there";
}

TEST(HistoryTest, KeepsSoManyBytesInAllEncodings) {
  const std::string text(1000, 'x');
  const size_t size = EventAt(1, text)->memory() + 100;
  const HistoryLimits limits{.frames = 0, .bytes = 4 * size + size / 2};
  History history(limits);
  for (uint64_t offset = 1; offset <= 4; ++offset) history.Add(EventAt(offset, text), {}, kStart);
  EXPECT_TRUE(history.Covers(0, kStart));
  // Asked for in another encoding, each is there twice.
  EXPECT_EQ(history.After(0, Encoding::kWebSocketJson, Anything).size(), 4u);
  EXPECT_FALSE(history.Covers(0, kStart));
  EXPECT_THAT(OffsetsAfter(history, 0), ElementsAre(3, 4));
  history.Add(EventAt(5, std::string(10'000, 'x')), {}, kStart);
  EXPECT_THAT(OffsetsAfter(history, 0), IsEmpty()) << "one that is larger than all may be";
  EXPECT_FALSE(history.Covers(4, kStart));
  EXPECT_TRUE(history.Covers(5, kStart));
}

TEST(HistoryTest, CountsWhatAFrameTakesBesideItsBytes) {
  const HistoryLimits limits{.frames = 0, .bytes = 100'000};
  History history(limits);
  for (uint64_t offset = 1; offset <= 2000; ++offset) history.Add(EventAt(offset), {}, kStart);
  const std::vector<FramePtr> kept = history.After(0, std::nullopt, Anything);
  ASSERT_FALSE(kept.empty());
  size_t held = 0;
  for (const FramePtr& frame : kept) held += sizeof(Frame) + frame->bytes(Encoding::kGrpc).capacity();
  EXPECT_LE(held, limits.bytes);
  // All that was asked for in another encoding counts at once, not with the next frame.
  history.After(0, Encoding::kWebSocketJson, Anything);
  EXPECT_LT(OffsetsAfter(history, 0, Anything, 2000).size(), kept.size() * 3 / 4);
}

TEST(HistoryTest, KeepsThemSoLong) {
  const HistoryLimits limits{.age = absl::Minutes(5)};
  History history(limits);
  history.Add(EventAt(1), {}, kStart);
  history.Add(EventAt(2), {}, kStart + absl::Minutes(3));
  EXPECT_TRUE(history.Covers(0, kStart + absl::Minutes(5)));
  EXPECT_FALSE(history.Covers(0, kStart + absl::Minutes(5) + absl::Seconds(1)));
  EXPECT_THAT(OffsetsAfter(history, 0), ElementsAre(2));
  EXPECT_FALSE(history.Covers(1, kStart + absl::Minutes(9)));
  EXPECT_TRUE(history.Covers(2, kStart + absl::Minutes(9)));
}

TEST(HistoryTest, ALimitOfNothingIsNone) {
  const HistoryLimits limits{.frames = 0, .bytes = 0, .age = absl::ZeroDuration()};
  History history(limits);
  for (uint64_t offset = 1; offset <= 3000; ++offset) history.Add(EventAt(offset, std::string(500, 'x')), {}, kStart);
  EXPECT_TRUE(history.Covers(0, kStart + absl::Hours(1000)));
  EXPECT_EQ(OffsetsAfter(history, 0, Anything, 5000).size(), 3000u);
}

// Frames of all kinds, as rooms make them, encoded as `encodings`.
std::vector<FramePtr> AllKinds(EncodingSet encodings) {
  const FrameOrigin origin{.room = 1, .offset = 17};
  std::vector<FramePtr> frames;
  const json::value data = *ParseJson(R"({"text":"ol\u00e1 \u2713","n":[1,1.5,-0.25,1e300,null,true],"{}":{"":[]}})");
  const std::string binary("\x00\xff bytes", 8);
  frames.push_back(EncodeEvent({.room_id = "r",
                                .origin = origin,
                                .event = "e",
                                .data = Payload::FromJson(data),
                                .sender_id = "s",
                                .sender_user_id = "u",
                                .time = kShown + absl::Milliseconds(123)},
                               encodings));
  frames.push_back(
      EncodeEvent({.room_id = "r", .origin = origin, .event = "b", .binary = &binary, .time = kShown}, encodings));
  frames.push_back(EncodeEvent(
      {.room_id = "r", .origin = origin, .event = "null", .data = Payload::FromText("null"), .time = kShown},
      encodings));
  const Patch patch = {{.kind = PatchOp::Kind::kReplace, .path = "/a~1b", .value = ToJson(data)},
                       {.kind = PatchOp::Kind::kRemove, .path = "/gone", .value = ""}};
  frames.push_back(EncodePatch("r", origin, patch, encodings));
  v1::ServerFrame change;
  change.mutable_member()->set_room_id("r");
  change.mutable_member()->set_offset(17);
  change.mutable_member()->set_count(1);
  v1::Member& joined = *change.mutable_member()->add_joined();
  joined.set_id("s");
  joined.set_connected(true);
  *joined.mutable_info() = ToProtoValue(data).struct_value();
  *joined.mutable_join_time() = ToTimestamp(kShown);
  change.mutable_member()->add_left()->set_reason(v1::LEAVE_REASON_DISCONNECT);
  frames.push_back(EncodeFrame(change, encodings, {}, origin));
  return frames;
}

TEST(HistoryTest, AFrameIsTheSameFromWhateverEncodingItIsMade) {
  for (const Encoding from : {Encoding::kWebSocketJson, Encoding::kWebSocketProto, Encoding::kGrpc}) {
    for (const Encoding to : {Encoding::kWebSocketJson, Encoding::kWebSocketProto, Encoding::kGrpc}) {
      const std::vector<FramePtr> originals = AllKinds(to);
      const std::vector<FramePtr> others = AllKinds(from);
      const HistoryLimits limits;
      History history(limits);
      for (const FramePtr& frame : others) history.Add(frame, {}, kStart);
      const std::vector<FramePtr> recoded = history.After(0, to, Anything);
      ASSERT_EQ(recoded.size(), originals.size());
      for (size_t i = 0; i < recoded.size(); ++i) {
        SCOPED_TRACE(absl::StrCat(TransportName(from), " to ", TransportName(to), ", frame ", i));
        EXPECT_EQ(recoded[i]->origin().offset, 17u);
        // Bytes of maps may be in another order; all else must be the very same.
        EXPECT_EQ(DecodeServerFrame(*recoded[i]).DebugString(), DecodeServerFrame(*originals[i]).DebugString());
        if (to == Encoding::kWebSocketJson) {
          EXPECT_EQ(*ParseJson(recoded[i]->message(to)), *ParseJson(originals[i]->message(to)));
        }
      }
    }
  }
}

TEST(HistoryTest, IsRecodedOnce) {
  const HistoryLimits limits;
  History history(limits);
  history.Add(EventAt(1), {}, kStart);
  const FramePtr first = history.After(0, Encoding::kWebSocketJson, Anything).front();
  EXPECT_EQ(history.After(0, Encoding::kWebSocketJson, Anything).front(), first);
}

TEST(HistoryTest, OfARoomAgesByItsClock) {
  RoomWorld::Settings settings;
  settings.rooms.history.age = absl::Minutes(5);
  RoomWorld world({}, settings);
  ASSERT_THAT(world.Connect("ana").Join("r"), IsOk());
  ASSERT_THAT(world.Emit("r", "early"), IsOk());
  world.Advance(absl::Minutes(4));
  ASSERT_THAT(world.Emit("r", "late"), IsOk());
  const auto history = [&](uint64_t offset) {
    std::vector<uint64_t> offsets = {0};
    world.With("r", [&](Room* room) {
      v1::Position since = room->position();
      since.set_offset(offset);
      const absl::StatusOr<std::vector<FramePtr>> frames = room->GetHistory(since, 100);
      if (!frames.ok()) return;
      offsets.clear();
      for (const FramePtr& frame : *frames) offsets.push_back(frame->origin().offset);
    });
    return offsets;
  };
  EXPECT_THAT(history(0), ElementsAre(1, 2, 3));
  world.Advance(absl::Minutes(2));
  EXPECT_THAT(history(0), ElementsAre(0)) << "refused: not all is kept";
  EXPECT_THAT(history(2), ElementsAre(3));
  EXPECT_THAT(history(4), ElementsAre(0)) << "refused: of the future";
}

// ---- Watching

std::vector<uint64_t> OffsetsOf(const std::vector<FramePtr>& frames) {
  std::vector<uint64_t> offsets;
  for (const FramePtr& frame : frames) offsets.push_back(frame->origin().offset);
  return offsets;
}

// A subscriber that is no session.
class Reader final : public Subscriber {
 public:
  std::vector<uint64_t> offsets;
  bool removed = false;

 private:
  void Send(const FramePtr& frame) override { offsets.push_back(frame->origin().offset); }
  void OnRemoved(const std::string&, const Removal&) override { removed = true; }
};

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() { EXPECT_THAT(ana_.Join("r"), IsOk()); }

  Admission Watch(SessionKey key, Reader& reader, const std::optional<v1::Position>& since = std::nullopt) {
    Admission admission;
    Shard& shard = world_.shards()[0];
    world_.With("r", [&](Room* room) {
      admission = room->Watch({.key = key, .site = &world_.manager().site(0), .encoding = Encoding::kGrpc}, since);
      shard.Post([channel = admission.channel, &shard, key, &reader] { channel->Add(shard, key, reader, 0); });
    });
    return admission;
  }
  int Notified(const EmitOptions& options = {}) { return world_.Emit("r", "hi", options)->notified(); }

  // Named by a room until it is gone: before the world.
  Reader reader_, other_;
  RoomWorld world_;
  Client& ana_ = world_.Connect("ana");
};

constexpr SessionKey kReader = 1'000'000, kOther = 1'000'001;

TEST_F(WatchTest, SeesWhatIsPublicAndCountsNowhere) {
  const Admission admission = Watch(kReader, reader_);
  EXPECT_FALSE(admission.response.recovered());
  EXPECT_EQ(admission.response.room().member_count(), 1);
  EXPECT_EQ(admission.response.members_size(), 1);
  EXPECT_EQ(Notified(), 1);
  EXPECT_EQ(ana_.Emit("r", "own")->notified(), 0);
  EXPECT_EQ(Notified({.to = {ana_.id()}}), 1);
  EXPECT_EQ(Notified({.exclude = {ana_.id()}}), 0);
  EXPECT_THAT(reader_.offsets, ElementsAre(2, 3, 5));
}

TEST_F(WatchTest, GoesOnFromAPosition) {
  v1::Position since;
  world_.With("r", [&](Room* room) { since = room->position(); });
  Notified({.to = {ana_.id()}});
  Notified();
  const Admission admission = Watch(kReader, reader_, since);
  EXPECT_TRUE(admission.response.recovered());
  EXPECT_EQ(admission.response.position().offset(), since.offset());
  EXPECT_TRUE(admission.state.empty());
  EXPECT_EQ(admission.response.members_size(), 0);
  EXPECT_THAT(OffsetsOf(admission.missed), ElementsAre(3));
  since.set_offset(99);
  EXPECT_FALSE(Watch(kOther, other_, since).response.recovered());
}

TEST_F(WatchTest, KeepsNoRoomAliveAndIsToldOfItsEnd) {
  Watch(kReader, reader_);
  ASSERT_THAT(ana_.Leave("r"), IsOk());
  world_.Advance(absl::Minutes(6));
  world_.With("r", [](Room* room) { EXPECT_EQ(room, nullptr); });
  EXPECT_TRUE(reader_.removed);
}

TEST_F(WatchTest, EndsWhenTheReaderGoes) {
  Watch(kReader, reader_);
  world_.With("r", [](Room* room) { room->Unwatch(kReader); });
  EXPECT_EQ(Notified(), 1);
  EXPECT_THAT(reader_.offsets, IsEmpty());
}

}  // namespace
}  // namespace atrium
