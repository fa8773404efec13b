#include "server/common/headroom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/common/errors.h"
#include "server/common/log.h"
#include "server/common/system_memory.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using testing::HasSubstr;

class HeadroomTest : public testing::Test {
 protected:
  // A limit of which the process has that part.
  static int64_t LimitFor(double part) { return static_cast<int64_t>(static_cast<double>(ResidentMemory()) / part); }

  Log log_{LogLevel::kError};
  Refusals refusals_{log_};
};

TEST_F(HeadroomTest, RoomsHaveALimit) {
  Headroom headroom({.rooms = 2}, refusals_);
  EXPECT_TRUE(headroom.ForRoom(1).ok());
  const absl::Status refusal = headroom.ForRoom(2);
  EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 rooms")));
  EXPECT_EQ(ErrorReason(refusal), "LIMIT");
  EXPECT_EQ(refusals_.count(Limit::kRooms), 1);
  EXPECT_TRUE(headroom.ForSession().ok());
}

TEST_F(HeadroomTest, BelowEightyPercentAllMayCome) {
  Headroom headroom({.memory_bytes = LimitFor(0.7)}, refusals_);
  headroom.Look();
  EXPECT_TRUE(headroom.ForRoom(1'000'000).ok());
  EXPECT_TRUE(headroom.ForSession().ok());
  EXPECT_FALSE(headroom.memory_is_scarce());
}

TEST_F(HeadroomTest, AboveEightyPercentNobodyNewMayCome) {
  Headroom headroom({.memory_bytes = LimitFor(0.85)}, refusals_);
  EXPECT_TRUE(headroom.ForRoom(0).ok()) << "nobody has looked yet";
  headroom.Look();
  EXPECT_THAT(headroom.ForRoom(0), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no new rooms")));
  EXPECT_THAT(headroom.ForSession(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no new sessions")));
  EXPECT_EQ(refusals_.count(Limit::kMemory), 2);
  EXPECT_FALSE(headroom.memory_is_scarce());
}

TEST_F(HeadroomTest, AboveNinetyPercentMemoryIsScarce) {
  Headroom headroom({.memory_bytes = LimitFor(0.95)}, refusals_);
  headroom.Look();
  EXPECT_TRUE(headroom.memory_is_scarce());
  EXPECT_FALSE(headroom.ForSession().ok());
}

TEST_F(HeadroomTest, WithoutALimitItIsNeverScarce) {
  Headroom headroom({}, refusals_);
  headroom.Look();
  EXPECT_TRUE(headroom.ForRoom(1'000'000'000).ok());
  EXPECT_FALSE(headroom.memory_is_scarce());
}

}  // namespace
}  // namespace atrium
