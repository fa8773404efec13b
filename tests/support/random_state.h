#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>

#include "rich_state.pb.h"

namespace atrium::testing {

// Numbers from wherever a test has them: a seed, or a fuzzer's bytes.
using RandomNumbers = std::function<uint32_t()>;

// States out of few keys, names and elements, so that two of them have much in common.
boost::json::value RandomJson(const RandomNumbers& random, int depth);
RichState RandomState(const RandomNumbers& random);

// Changes a few places of a state, the way rooms do: some fields, entries put and erased, lists that lose their front,
// gain elements at their end or change in the middle.
void ChangeSome(const RandomNumbers& random, RichState& state);

}  // namespace atrium::testing
