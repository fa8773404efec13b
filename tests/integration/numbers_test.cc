// Numbers through each door: they come back as they were given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/values.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using NumbersTest = ValuesTest;

// ECMA-262, Number::toString: what every program that is written in JavaScript sends.
std::string EcmaText(double number) {
  char buffer[32];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof(buffer), std::abs(number), std::chars_format::scientific).ptr;
  const std::string text(static_cast<const char*>(buffer), end);
  const size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  std::string digits = text.substr(0, e);
  if (digits.size() > 1) digits.erase(1, 1);
  const std::string sign = number < 0 ? "-" : "";
  const int count = static_cast<int>(digits.size());
  if (number == 0) return "0";
  if (exponent >= 21 || exponent < -6) {
    if (count > 1) digits.insert(1, ".");
    return absl::StrCat(sign, digits, "e", exponent < 0 ? "-" : "+", std::abs(exponent));
  }
  if (exponent < 0) return absl::StrCat(sign, "0.", std::string(-exponent - 1, '0'), digits);
  if (count <= exponent + 1) return absl::StrCat(sign, digits, std::string(exponent + 1 - count, '0'));
  return absl::StrCat(sign, digits.substr(0, exponent + 1), ".", digits.substr(exponent + 1));
}

std::vector<double> ManyNumbers() {
  std::vector<double> numbers = {0.0,
                                 -0.0,
                                 1.0,
                                 -1.0,
                                 0.1,
                                 5e-324,
                                 -5e-324,
                                 2.2250738585072014e-308,
                                 1.7976931348623157e308,
                                 0x1p53,
                                 -0x1p53,
                                 0x1p53 + 2,
                                 0x1p63,
                                 0x1p64,
                                 -0x1p64,
                                 1.79e18,
                                 1e20,
                                 1e21,
                                 1e22,
                                 1e23,
                                 123456789012345680000.0,
                                 1e-6,
                                 1e-7,
                                 999999999999999.9};
  std::mt19937_64 random(262);
  while (numbers.size() < 3000) {
    double number = 0;
    switch (random() % 4) {
      case 0: number = std::bit_cast<double>(random()); break;
      case 1: number = static_cast<double>(random()); break;
      case 2: number = static_cast<double>(static_cast<int64_t>(random()) >> random() % 64); break;
      default: number = std::round(std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 8)));
    }
    if (std::isfinite(number)) numbers.push_back(number);
  }
  return numbers;
}

google::protobuf::Value ListOf(const std::vector<double>& numbers) {
  google::protobuf::Value list;
  for (const double number : numbers) list.mutable_list_value()->add_values()->set_number_value(number);
  return list;
}

// 0 and -0 are the same.
void ExpectNumbers(const google::protobuf::Value& list, const std::vector<double>& numbers) {
  ASSERT_EQ(list.list_value().values_size(), static_cast<int>(numbers.size()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(list.list_value().values(static_cast<int>(i)).number_value(), numbers[i]);
  }
}

google::protobuf::Value NumbersOf(const google::protobuf::Value& state) {
  return state.struct_value().fields().at("n");
}

TEST_F(NumbersTest, ANumberComesBackThroughEachDoor) {
  const std::vector<double> numbers = ManyNumbers();
  ASSERT_THAT(SetByGrpc("numbers", StateOf(ListOf(numbers))), IsOk());
  ExpectNumbers(NumbersOf(GetByGrpc("numbers").state()), numbers);
  const uint64_t offset = GetByGrpc("numbers").position().offset();
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient client(server_, door);
    const google::protobuf::Value state = client.Join("numbers").join().state();
    ExpectNumbers(NumbersOf(state), numbers);
    // Its text is written by Protobuf, which gives whole doubles 17 digits where fewer would do; see below.
    if (door == Door::kJson) continue;
    v1::ClientFrame back;
    back.mutable_set_state()->set_room_id("numbers");
    *back.mutable_set_state()->mutable_state() = state;
    EXPECT_TRUE(client.Ask(back).has_set_state()) << DoorName(door);
  }
  // As REST and a WebSocket write it, and as ECMAScript would.
  const std::string rest = server_.Get("/api/rooms/numbers/state").body;
  const size_t begin = rest.find("{\"n\":");
  const std::string as_given = rest.substr(begin, rest.find('}', begin) + 1 - begin);
  std::string as_ecma = "{\"n\":[";
  for (size_t i = 0; i < numbers.size(); ++i) absl::StrAppend(&as_ecma, i == 0 ? "" : ",", EcmaText(numbers[i]));
  as_ecma += "]}";
  RawWebSocket socket = Raw("numbers");
  uint32_t id = 1;
  for (const std::string& state : {as_given, as_ecma}) {
    EXPECT_EQ(SetByRest("numbers", state).status, 200) << state.substr(0, 500);
    socket.SendText(absl::StrCat("{\"id\":", ++id, R"(,"setState":{"roomId":"numbers","state":)", state, "}}"));
    EXPECT_THAT(socket.ReadMessage(), HasSubstr(absl::StrCat(R"({"reply":{"id":)", id, R"(,"setState":)")));
  }
  ExpectNumbers(NumbersOf(GetByGrpc("numbers").state()), numbers);
  // All were the same: nothing of the state has changed since.
  v1::GetHistoryRequest since;
  since.set_room_id("numbers");
  v1::GetHistoryResponse history;
  ASSERT_THAT(CallGrpc(*rooms_, &RoomStub::GetHistory, since, history), IsOk());
  for (const v1::ServerFrame& frame : history.frames())
    EXPECT_FALSE(frame.has_patch() && frame.patch().offset() > offset);
}

TEST_F(NumbersTest, AnIntegerThatWouldComeBackAsAnotherIsRefused) {
  RawWebSocket socket = Raw("numbers");
  uint32_t id = 1;
  for (const char* const number : {"9007199254740993", "-9007199254740993", "18446744073709551616",
                                   "1152921504606846976", "1790000000000000001", "1e400", "-1e999"}) {
    const HttpReply rest = SetByRest("numbers", absl::StrCat(R"({"a":[0,)", number, "]}"));
    EXPECT_EQ(rest.status, 400) << number;
    EXPECT_THAT(rest.body, AllOf(HasSubstr(R"("field":"state.a[1]")"), HasSubstr("integers go up to 2^53")));
    socket.SendText(absl::StrCat("{\"id\":", ++id, R"(,"emit":{"roomId":"numbers","event":"e","data":)", number, "}}"));
    EXPECT_THAT(socket.ReadMessage(), AllOf(HasSubstr(absl::StrCat(R"({"reply":{"id":)", id, R"(,"error":{"code":3)")),
                                            HasSubstr(R"("field":"emit.data")"), HasSubstr("integers go up to 2^53")));
  }
  for (const double number : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_THAT(SetByGrpc("numbers", StateOf(ListOf({number}))),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("finite")));
  }
}

}  // namespace
}  // namespace atrium
