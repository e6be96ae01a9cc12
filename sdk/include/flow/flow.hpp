// Everything a plugin needs.
#pragma once

#include "flow/batch.hpp"
#include "flow/builder.hpp"
#include "flow/dictionary.hpp"
#include "flow/operator.hpp"
#include "flow/plugin.hpp"
#include "flow/state.hpp"
#include "flow/utf8.hpp"
