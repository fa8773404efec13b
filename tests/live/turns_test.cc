#include "server/live/shards/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/manual_shards.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TurnsTest : public ::testing::Test {
 protected:
  // Of the address that is the first letter.
  void Wait(const std::string& name, absl::Duration within = absl::InfiniteDuration()) {
    turns_->Wait(
        shards_[0], {.address = name.substr(0, 1)}, shards_.steady() + within, [this, name](absl::Status status) {
          told_.push_back(status.ok() ? name : absl::StrCat(name, " ", absl::StatusCodeToString(status.code())));
        });
    EXPECT_THAT(told_, ::testing::Not(::testing::Contains(name))) << "not inside the call";
  }
  // Who was told since the last call.
  std::vector<std::string> After(absl::Duration time) {
    shards_.Advance(time);
    return std::exchange(told_, {});
  }

  ManualShards shards_{1};
  std::shared_ptr<Turns> turns_ = std::make_shared<Turns>(2, 3);
  std::vector<std::string> told_;
};

TEST_F(TurnsTest, SoManyGoOnInAnySecond) {
  for (const char* name : {"a1", "b1"}) Wait(name);
  EXPECT_THAT(After(absl::Milliseconds(600)), ElementsAre("a1", "b1"));
  for (const char* name : {"a2", "b2", "c2"}) Wait(name);
  EXPECT_THAT(After(absl::Milliseconds(399)), IsEmpty());
  EXPECT_THAT(After(absl::Milliseconds(1)), ElementsAre("a2", "b2"));
  EXPECT_THAT(After(absl::Milliseconds(999)), IsEmpty());
  EXPECT_THAT(After(absl::Milliseconds(1)), ElementsAre("c2"));
}

TEST_F(TurnsTest, AddressesTakeTurnsAndWhoHasMostMakesPlace) {
  for (const char* name : {"a1", "a2", "a3", "a4"}) {
    Wait(name);
    shards_.Run();
  }
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre("a1", "a2"));
  Wait("a5");
  Wait("b1");
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre("a5 RESOURCE_EXHAUSTED"));
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre("a3", "b1"));
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre("a4"));
  Wait("a6");
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre("a6"));
}

TEST_F(TurnsTest, WhoComesTooLateTakesNoTurn) {
  for (const char* name : {"a1", "a2"}) Wait(name);
  shards_.Run();
  Wait("b1", absl::Milliseconds(999));
  Wait("c1", absl::Milliseconds(1001));
  Wait("d1");
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre("a1", "a2", "b1 DEADLINE_EXCEEDED", "c1", "d1"));
}

}  // namespace
}  // namespace atrium::testing
