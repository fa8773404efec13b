#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "server/wire/patch.h"

namespace atrium {

// Returns what changes of the JSON form of a state (JsonZeros::kPrint) when `before` becomes `after`, a message of the
// same type. Well-known types are leaves.
StateChange DiffMessages(const google::protobuf::Message& before, const google::protobuf::Message& after);

// Does the same for the map `field` alone, which is at the top of the state. So many `others`, entries of the map that
// are the same in both, are left out of both.
StateChange DiffMaps(const google::protobuf::Message& before, const google::protobuf::Message& after,
                     const google::protobuf::FieldDescriptor& field, size_t others);

}  // namespace atrium
