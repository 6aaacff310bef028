using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Bam.Training.Metrics;

namespace Bam.Tests.Experiments.Studies;

/// <summary>A study as real units leave it, with made-up but plausible numbers.</summary>
internal static class SyntheticStudy
{
    public const string Yaml = """
        title: "Main result: BAM against BTX (Tables 1 and 2)"
        about: "Which mixture has the lowest perplexity, on the same tokens and in the same core-seconds?"
        random_seeds: [1, 2, 3]
        results: results
        domains:
          general: { files: [general.txt] }
          code: { files: [code.txt] }
          math: { files: [math.txt] }
          law: { files: [law.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 4, num_attention_heads: 2 }
        seed: { tokens: 2_600_000, learning_rate: 2e-3 }
        experts: { code: { tokens: 1_300_000 }, math: { tokens: 1_300_000 }, law: { tokens: 1_300_000 } }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, tokens: 1_500_000 }
          bam: { method: bam, match: { mixture: btx, by: tokens } }
          bam-shared-kv: { method: bam, share_key_value: true, match: { mixture: btx, by: tokens } }
          bam-compute: { method: bam, match: { mixture: btx, by: core_seconds } }
          bam-shared-kv-compute: { method: bam, share_key_value: true, match: { mixture: btx, by: core_seconds } }
          bam-flops: { method: bam, match: { mixture: btx, by: flops } }
          dense: { method: dense, match: { mixture: btx, by: tokens } }
          sparse: { method: sparse, match: { mixture: btx, by: tokens } }
        tables:
          - title: "Data-matched (Table 1)"
            models: [seed, code, math, law, soup, dense, sparse, btx, bam-shared-kv, bam]
            against: btx
            note: "The paper's mixtures are worse than its seed on general text."
            paper:
              btx: { general: 26.7, code: 4.1, mean: 12.5 }
              bam: { general: 24.0, code: 4.2, mean: 11.9 }
          - title: "Compute-matched (Table 2)"
            models: [btx, bam-shared-kv-compute, bam-compute, bam-flops]
            against: btx
        claims:
          - says: "Data-matched, expert KV beats shared KV, and shared KV beats BTX"
            order: [bam, bam-shared-kv, btx]
            source: "BAM, Table 1"
          - { says: "Compute-matched, expert KV beats BTX", order: [bam-compute, btx], source: "BAM, Table 2" }
          - { says: "Sparse upcycling beats BTX", order: [sparse, btx], source: "nobody" }
          - { says: "BTX beats the seed trained on for as many tokens", order: [btx, dense] }
        """;

    private const int Layers = 4;
    private const int Moments = 8;
    private static readonly string[] Experts = ["seed", "code", "math", "law"];

    private static readonly (string Name, ModelKind Kind, double[] Perplexity, double Speed, double Tokens)[] Models =
    [
        ("seed", ModelKind.Seed, [92.1, 55.3, 48.0, 41.2], 900, 2.6e6),
        ("code", ModelKind.Expert, [128.0, 31.4, 71.0, 66.0], 900, 1.3e6),
        ("math", ModelKind.Expert, [131.0, 78.0, 28.9, 69.0], 900, 1.3e6),
        ("law", ModelKind.Expert, [122.0, 83.0, 77.0, 22.6], 900, 1.3e6),
        ("soup", ModelKind.Soup, [112.0, 61.0, 52.3, 44.6], 1, 0),
        ("btx", ModelKind.Btx, [91.0, 33.1, 30.4, 24.9], 640, 1.5e6),
        ("bam", ModelKind.Bam, [89.2, 32.4, 29.9, 24.2], 410, 1.5e6),
        ("bam-shared-kv", ModelKind.Bam, [90.0, 32.6, 30.2, 24.4], 430, 1.5e6),
        ("bam-compute", ModelKind.Bam, [91.4, 33.2, 30.5, 24.8], 410, 0.96e6),
        ("bam-shared-kv-compute", ModelKind.Bam, [91.9, 33.5, 30.8, 25.1], 430, 1.01e6),
        ("bam-flops", ModelKind.Bam, [90.9, 33.0, 30.3, 24.7], 410, 1.1e6),
        ("dense", ModelKind.Dense, [90.2, 38.0, 35.5, 29.4], 880, 1.5e6),
        ("sparse", ModelKind.Sparse, [91.8, 37.4, 34.1, 28.0], 640, 1.5e6),
    ];

    /// <summary>A study with those units finished.</summary>
    public static Study Create(string directory, params long[] seeds)
    {
        var recipe = WriteRecipe(directory);
        return new(recipe, [.. seeds.Select(seed => Unit(recipe, seed))]);
    }

    /// <summary>Writes the recipe, <c>main.yaml</c>.</summary>
    public static Recipe WriteRecipe(string directory)
    {
        var path = Path.Combine(directory, "main.yaml");
        File.WriteAllText(path, Yaml);
        return RecipeReader.Read(path);
    }

    /// <summary>A unit's figures, as they are kept.</summary>
    public static Results Unit(Recipe recipe, long seed) => new()
    {
        Recipe = recipe.Name,
        RandomSeed = seed,
        Key = "key",
        Seconds = 5400 + (seed * 100),
        Created = new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero).AddHours(seed),
        Machine = new()
        {
            Cpu = seed < 3 ? "Intel(R) Xeon(R) Processor" : "AMD EPYC 9B14",
            Cores = 2,
            Memory = 25_200_000_000,
            Libtorch = "1.13.1",
            Blas = "OpenBLAS 0.3.21 (openmp)",
            Threads = 2,
        },
        Domains = [.. recipe.Domains.Keys],
        Models =
        [
            .. Models.Select(model => Model(recipe, seed, model.Name, model.Kind, model.Perplexity, model.Speed, model.Tokens)),
        ],
        ResolvedRecipe = "",
    };

    private static ModelResult Model(
        Recipe recipe, long seed, string name, ModelKind kind, double[] perplexity, double speed, double tokens)
    {
        var random = new RandomStream(seed, name);
        var shift = 1 + (0.01 * (seed - 2)) + (0.006 * (random.NextDouble() - 0.5));
        var values = recipe.Domains.Keys.Zip(perplexity).ToDictionary(
            pair => pair.First, pair => pair.Second * shift * (1 + (0.004 * (random.NextDouble() - 0.5))));
        var isMixture = kind is ModelKind.Btx or ModelKind.Bam or ModelKind.Sparse;
        var spent = tokens / speed * (1 + (0.05 * random.NextDouble()));
        return new()
        {
            Name = name,
            Kind = kind,
            Domain = kind == ModelKind.Expert ? name : null,
            Match = MatchOf(name, tokens, speed),
            Experts = isMixture ? Experts : null,
            Perplexity = values,
            BitsPerByte = values.ToDictionary(value => value.Key, value => Math.Log2(value.Value) / 3.4),
            Tokens = values.ToDictionary(value => value.Key, value => 99_840L),
            MeanPerplexity = values.Values.Average(),
            ParametersTotal = isMixture ? 7_300_000 : 5_900_000,
            ParametersActive = isMixture ? 6_400_000 : 5_900_000,
            TrainingTokens = (long)tokens,
            CoreSeconds = spent,
            TokensPerSecond = tokens > 0 ? speed * 2 : 0,
            Flops = tokens * (kind == ModelKind.Bam ? 3.1e7 : 2.2e7),
            History = tokens > 0 ? History(seed, name, kind, values, tokens, spent) : null,
        };
    }

    private static BudgetOutcome? MatchOf(string name, double tokens, double speed)
    {
        if (name.EndsWith("compute", StringComparison.Ordinal))
            return new("btx", MatchBy.CoreSeconds, (long)tokens, 1 / speed, 1 / 640.0) { Threads = 2 };
        return name.EndsWith("flops", StringComparison.Ordinal)
            ? new("btx", MatchBy.Flops, (long)tokens, 3.1e7, 2.2e7)
            : null;
    }

    private static TrainingHistory History(
        long seed, string name, ModelKind kind, Dictionary<string, double> perplexity, double tokens, double seconds)
    {
        var random = new RandomStream(seed, name + " loss");
        var end = Math.Log(perplexity.Values.Average()) - 0.3;
        var isMixture = kind is ModelKind.Btx or ModelKind.Bam or ModelKind.Sparse;
        var parts = Enumerable.Range(1, TrainingHistory.MostLossPoints).Select(i => i / (double)TrainingHistory.MostLossPoints);
        var moments = isMixture ? Enumerable.Range(1, Moments) : [];
        return new([.. parts.Select(Loss)], [.. moments.Select(HeldOut)], [.. moments.Select(Routing)]);

        LossMoment Loss(double part)
        {
            var nll = end + (0.5 * Math.Exp(-4 * part)) + (0.03 * random.NextDouble());
            return new((long)(tokens * part), seconds * part, nll);
        }

        HeldOutMoment HeldOut(int moment) => new(
            (long)(tokens * moment / Moments),
            perplexity.ToDictionary(
                value => value.Key,
                value => value.Value * (1 + (0.6 * Math.Exp(-0.5 * moment)) + (0.01 * random.NextDouble()))));

        RoutingMoment Routing(int moment)
        {
            var layers = Enumerable.Range(0, Layers).Select(layer =>
                Layer(new RandomStream(seed, $"{name} {layer} {moment}"), kind, moment, layer, perplexity.Keys));
            return new((long)(tokens * moment / Moments), [.. layers]);
        }
    }

    private static LayerMetrics Layer(RandomStream random, ModelKind kind, int moment, int layer, IEnumerable<string> domains)
    {
        var strength = moment / (double)Moments * (1.6 - (0.2 * layer));
        return new()
        {
            ExpertLoad = Shares(ref random, -1, 0),
            AttentionGate = kind == ModelKind.Bam ? Shares(ref random, -1, 0) : null,
            RouterEntropy = 1.38 - (0.3 * strength) + (0.02 * random.NextDouble()),
            GateEntropy = kind == ModelKind.Bam ? 1.38 - (0.2 * strength) + (0.02 * random.NextDouble()) : null,
            ByDomain = domains.ToDictionary(domain => domain, domain => new DomainRouting
            {
                ExpertLoad = Shares(ref random, Array.IndexOf(Experts, domain), strength),
                AttentionGate = kind == ModelKind.Bam ? Shares(ref random, Array.IndexOf(Experts, domain), 0.8 * strength) : null,
            }),
        };
    }

    private static double[] Shares(ref RandomStream random, int own, double strength)
    {
        var weights = new double[Experts.Length];
        for (var i = 0; i < weights.Length; i++) weights[i] = Math.Exp((i == own ? strength : 0) + (0.5 * random.NextDouble()));
        return [.. weights.Select(weight => weight / weights.Sum())];
    }
}
