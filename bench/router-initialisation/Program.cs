using System.Globalization;
using System.Text.Json;
using Bam;
using Bam.Bench.Routers;
using Bam.Checkpoints;
using Bam.Evaluation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Upcycling;

// dotnet run -- RUN SCRATCH: perplexities of untrained mixtures by their routers, as JSON lines.
const int PromptLength = 128;
const int RandomSeeds = 3;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
LibTorch.Load();
var demo = new Demo(args[0]);
var scratch = Directory.CreateDirectory(args[1]).FullName;
var texts = demo.WriteTexts(scratch, 20_000);
var tokenizer = Tokenizer.Load(demo.Models[0]);
using var heldOut = HeldOutDomains.Open(demo.Domains);
using var seed = ModelCheckpoint.Load(demo.Models[0], Device.Cpu, SilentReporter.Instance, withGradients: false);

Measure("seed", "", seed);
var options = new MixtureOptions { Seed = demo.Models[0], Experts = [.. demo.Models.Skip(1)] };
Mix("mean of the models", "soup", options, routed: false);
Mix("BTX, top-1", "btx", options);
Mix("BTX, top-2, normed", "btx", options with { TopK = 2, NormTopK = true });
Mix("BAM", "bam", options);
Mix("BAM, shared KV", "bam", options with { ShareKeyValue = true });

void Mix(string name, string method, MixtureOptions options, bool routed = true)
{
    var directory = Path.Combine(scratch, "mixture");
    Upcycler.Mix(method, options, directory, SilentReporter.Instance);
    using var model = ModelCheckpoint.Load(directory, Device.Cpu, SilentReporter.Instance, withGradients: false);
    Measure(name, routed ? "random, seed 0" : "", model);
    if (!routed) return;
    for (var routerSeed = 1; routerSeed < RandomSeeds; routerSeed++)
    {
        Upcycler.Mix(method, options with { RouterSeed = routerSeed }, directory, SilentReporter.Instance);
        using var other = ModelCheckpoint.Load(directory, Device.Cpu, SilentReporter.Instance, withGradients: false);
        Measure(name, $"random, seed {routerSeed}", other);
    }

    foreach (var tokens in new[] { 4096, 16384 })
    {
        foreach (var overTokens in new[] { false, true })
        {
            var routers = HiddenStates.Of(seed, tokenizer, texts, tokens, PromptLength, overTokens);
            SetRouters(model, router => routers[router.Layer]);
            Measure(name, $"mergekit {(overTokens ? "hidden_avg" : "hidden")}, {tokens / PromptLength} prompts", model);
        }
    }

    foreach (var tokens in new[] { 256, 1024, 4096, 16384 })
    {
        var routers = RouterCalibration.Run(demo.Models[0], model.Config, texts, tokens, Device.Cpu, SilentReporter.Instance);
        SetRouters(model, router => routers[router.Name]);
        Measure(name, $"calibrated, {tokens} tokens", model);
    }
}

void SetRouters(LanguageModel model, Func<ParameterInfo, float[]> rows)
{
    foreach (var slice in model.Slices.Where(slice => slice.Parameter.IsRouter))
        ModelCheckpoint.Write(model.Parameters.Values, slice, rows(slice.Parameter));
}

void Measure(string mixture, string routers, LanguageModel model)
{
    var results = heldOut.Measure(
        model, new() { WindowLength = PromptLength, BatchSize = 32 }, "", SilentReporter.Instance, CancellationToken.None);
    Console.WriteLine(JsonSerializer.Serialize(new
    {
        mixture,
        routers,
        perplexity = results.ToDictionary(domain => domain.Key, domain => Math.Round(domain.Value.Perplexity, 2)),
        mean = Math.Round(PerplexityResult.Mean(results.Values), 2),
    }));
}
