// What ships in the plugin `shop`: what a shop makes of its visitors' clicks.
#include "flow/plugin.hpp"

#include "operators/sinks/score_recommendations.hpp"
#include "operators/transforms/profile.hpp"
#include "operators/transforms/recommend.hpp"
#include "operators/transforms/sessionize.hpp"

FLOW_PLUGIN_LICENSED("flowrun.shop", "0.1.0", "Apache-2.0", flow::operators::Sessionize,
                     flow::operators::Recommend, flow::operators::Profile,
                     flow::operators::ScoreRecommendations)
