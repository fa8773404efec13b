#include "server/wire/client_frames_reader.h"

#include <gtest/gtest.h>

#include <optional>

#include "atrium/v1/frames.pb.h"

namespace atrium {
namespace {

TEST(ClientFramesReaderTest, TakesOneFrameAfterTheOther) {
  v1::ClientFrames frames;
  frames.add_frames()->set_id(1);
  frames.add_frames();
  frames.add_frames()->mutable_join()->set_room_id(std::string(1000, 'r'));
  // Fields that are not known are passed over.
  const std::string bytes = "\x10\x05" + frames.SerializeAsString() + "\x1a\x01x";
  ClientFramesReader reader(bytes);
  for (const v1::ClientFrame& frame : frames.frames()) EXPECT_EQ(reader.Next(), frame.SerializeAsString());
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_FALSE(reader.broken());
}

TEST(ClientFramesReaderTest, SaysWhatIsBroken) {
  for (const absl::string_view bytes : {
           absl::string_view("\x0a", 1),                  // no length
           absl::string_view("\x0a\x05zz", 4),            // longer than all
           absl::string_view("\x0a\xff\xff\xff\xff", 5),  // a length that does not end
           absl::string_view("\x00", 1),                  // no tag
           absl::string_view("\xff\xff", 2),              // a tag that does not end
           absl::string_view("\x0f", 1),                  // no wire type
           absl::string_view("\x1a\x09xx", 4),            // another field, longer than all
       }) {
    ClientFramesReader reader(bytes);
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_TRUE(reader.broken());
    EXPECT_EQ(reader.Next(), std::nullopt);
  }
  ClientFramesReader empty("");
  EXPECT_EQ(empty.Next(), std::nullopt);
  EXPECT_FALSE(empty.broken());
}

}  // namespace
}  // namespace atrium
