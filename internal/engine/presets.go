package engine

import (
	"slices"

	"github.com/carbonctl/carbonctl/footprint"
)

// preset is where an engine shows what it has done.
type preset struct {
	port, path string // of its own metrics, by default
	rules      []rule
	// running is the gauge of the requests in work, of an engine that counts a request's
	// tokens when it ends; "" for one that counts step by step.
	ends    bool
	running string
	hint    string // how the engine is made to show its counters, "" where it does
	// oneModel says that the counters of several models must not be added up: an ensemble
	// counts its steps as models.
	oneModel bool
}

// rule is one counter: how much of a unit was done.
type rule struct {
	unit  string
	role  role
	names []string // the first that the engine shows
	keep  func(sample) bool
	// apart picks series that hold the sum of the others already, where they are there.
	apart func(sample) bool
}

type role uint8

const (
	done    role = iota
	aborted      // begun and not served
	taken        // as aborted, and within what the rule of its unit counts
)

// names gives those of a counter; the Python client adds _total to what has none.
func names(all ...string) []string {
	var list []string
	for _, n := range all {
		list = append(list, n+"_total", n)
	}
	return list
}

func with(label string, not bool, values ...string) func(sample) bool {
	return func(s sample) bool {
		v, ok := s.label(label)
		return (ok && slices.Contains(values, v)) != not
	}
}

// unserved are the reasons for which a request ended that was not served.
var unserved = []string{"abort", "error", "cancelled", "timeout"}

// presets are the engines that are known by name, as they were in late 2026.
func presets() map[string]preset {
	vllm := func(name string) []string { return names("vllm:"+name, "ray_vllm_"+name) }
	served, failed := with("finished_reason", true, unserved...), with("finished_reason", false, unserved...)
	return map[string]preset{
		"vllm": {port: "8000", path: "/metrics", rules: []rule{
			{unit: footprint.UnitOutputToken, names: vllm("generation_tokens")},
			// A prompt that another engine has computed is counted there.
			{unit: footprint.UnitInputToken, names: append(vllm("prompt_tokens_by_source"), vllm("prompt_tokens")...), keep: with("source", true, "external_kv_transfer")},
			{unit: footprint.UnitCachedToken, names: vllm("prompt_tokens_cached")},
			{unit: footprint.UnitRequest, names: vllm("request_success"), keep: served},
			{unit: footprint.UnitRequest, role: aborted, names: vllm("request_success"), keep: failed},
		}},
		"sglang": {port: "30000", path: "/metrics", hint: "start it with --enable-metrics", rules: []rule{
			{unit: footprint.UnitOutputToken, names: names("sglang:generation_tokens")},
			{unit: footprint.UnitInputToken, names: names("sglang:prompt_tokens")},
			{unit: footprint.UnitCachedToken, names: names("sglang:cached_tokens"), apart: with("cache_source", false, "total")},
			{unit: footprint.UnitRequest, names: names("sglang:num_requests")},
			{unit: footprint.UnitRequest, role: taken, names: names("sglang:num_aborted_requests")},
		}},
		"tgi": {port: "3000", path: "/metrics", ends: true, running: "tgi_batch_current_size", rules: []rule{
			{unit: footprint.UnitOutputToken, names: []string{"tgi_request_generated_tokens_sum"}},
			{unit: footprint.UnitInputToken, names: []string{"tgi_request_input_length_sum"}},
			{unit: footprint.UnitRequest, names: []string{"tgi_request_success"}},
			{unit: footprint.UnitRequest, role: aborted, names: []string{"tgi_request_failure"}},
		}},
		// Never its /metrics: to read that empties a buffer that somebody else may want.
		"trtllm": {port: "8000", path: "/prometheus/metrics", ends: true, running: "trtllm_num_requests_running", hint: "start it with return_perf_metrics: true", rules: []rule{
			{unit: footprint.UnitOutputToken, names: names("trtllm_generation_tokens")},
			{unit: footprint.UnitInputToken, names: names("trtllm_prompt_tokens")},
			{unit: footprint.UnitCachedToken, names: names("trtllm_prompt_cached_tokens")},
			{unit: footprint.UnitRequest, names: names("trtllm_request_success", "request_success"), keep: served},
			{unit: footprint.UnitRequest, role: aborted, names: names("trtllm_request_success", "request_success"), keep: failed},
			{unit: footprint.UnitRequest, role: aborted, names: names("trtllm_request_error")},
		}},
		"triton": {port: "8002", path: "/metrics", oneModel: true, rules: []rule{
			{unit: footprint.UnitOutputToken, names: []string{"nv_llm_output_token_len_sum"}},
			{unit: footprint.UnitInputToken, names: []string{"nv_llm_input_token_len_sum"}},
			{unit: footprint.UnitRequest, names: []string{"nv_inference_request_success"}},
			{unit: footprint.UnitRequest, role: aborted, names: []string{"nv_inference_request_failure"}},
			{unit: footprint.UnitSample, names: []string{"nv_inference_count"}},
		}},
		"llamacpp": {port: "8080", path: "/metrics", hint: "start it with --metrics", rules: []rule{
			{unit: footprint.UnitOutputToken, names: names("llamacpp:tokens_predicted")},
			{unit: footprint.UnitInputToken, names: names("llamacpp:prompt_tokens")},
		}},
	}
}

// Presets names the engines that [ParseTarget] knows, sorted.
func Presets() []string { return []string{"llamacpp", "sglang", "tgi", "triton", "trtllm", "vllm"} }
