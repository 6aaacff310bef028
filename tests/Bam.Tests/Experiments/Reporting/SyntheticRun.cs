using Bam.Evaluation;
using Bam.Experiments.Findings;
using Bam.Training.Metrics;

namespace Bam.Tests.Experiments.Reporting;

/// <summary>A run directory as a real experiment leaves it, with made-up but plausible numbers.</summary>
internal static class SyntheticRun
{
    private const int Layers = 4;
    private static readonly string[] Domains = ["general", "law", "code", "mathematics"];
    private static readonly string[] Experts = ["seed", "law", "code", "mathematics"];

    private const string Recipe = """
        name: debian-domains
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
          code: { files: [code.txt] }
          mathematics: { files: [mathematics.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 4, num_attention_heads: 2 }
        seed: { tokens: 3_000_000, learning_rate: 2e-3 }
        experts: { law: { tokens: 1_000_000 }, code: { tokens: 1_000_000 }, mathematics: { tokens: 1_000_000 } }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, tokens: 1_500_000 }
          bam: { method: bam, tokens: 1_500_000 }
          bam-shared-kv: { method: bam, share_key_value: true, tokens: 1_500_000 }
          bam-compute: { method: bam, match: { mixture: btx, by: core_seconds } }
        claims:
          - { says: "law beats the seed on law", order: [law, seed], domains: [law] }
          - { says: "law is worse than the seed on code", order: [seed, law], domains: [code] }
          - { says: "code beats the seed on code", order: [code, seed], domains: [code] }
          - { says: "bam beats the seed on all special domains", order: [bam, seed], domains: [law, code, mathematics] }
          - { says: "bam beats itself trained for longer", order: [bam-compute, bam] }
        """;

    public static Results Write(string directory, Func<Results, Results>? change = null)
    {
        var models = new List<ModelResult>
        {
            Model("seed", ModelKind.Seed, [34.1, 35.85, 48.2, 12.9], [7.6, 4.6], 3_000_000, experts: false),
            Model("law", ModelKind.Expert, [41.7, 24.3, 61.0, 15.8], [3.55, 3.1], 1_000_000, experts: false, domain: "law"),
            Model("code", ModelKind.Expert, [44.0, 47.2, 19.6, 14.9], [3.8, 2.9], 1_000_000, experts: false, domain: "code"),
            Model(
                "mathematics", ModelKind.Expert, [47.9, 52.1, 63.3, 5.21], [2.5, 1.6], 1_000_000, experts: false,
                domain: "mathematics"),
            Model("soup", ModelKind.Soup, [33.0, 31.9, 36.2, 9.4], null, 0, experts: false),
            Model("btx", ModelKind.Btx, [33.2, 25.9, 21.4, 5.62], [3.3, 2.86], 1_500_000, experts: true),
            Model("bam", ModelKind.Bam, [31.8, 24.8, 20.3, 5.37], [3.2, 2.80], 1_500_000, experts: true),
            Model(
                "bam-shared-kv", ModelKind.Bam, [32.3, 25.2, 20.8, 5.44], [3.22, 2.82], 1_500_000, experts: true,
                budget: "data-matched"),
            Model(
                "bam-compute", ModelKind.Bam, [32.0, 25.1, 20.6, 5.41], [3.2, 2.815], 1_100_000, experts: true,
                budget: "core-seconds of btx"),
        };
        var results = new Results
        {
            Recipe = "debian-domains",
            Created = new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero),
            Machine = new()
            {
                Cpu = "Intel(R) Xeon(R) Processor",
                Cores = 2,
                Memory = 25_200_000_000,
                Libtorch = "1.13.1",
                Blas = "OpenBLAS 0.3.21 (openmp)",
                Threads = 2,
            },
            Domains = Domains,
            Models = models,
            ResolvedRecipe = Recipe,
        };
        results = change?.Invoke(results) ?? results;
        results.Save(directory);
        return results;

        ModelResult Model(
            string name,
            ModelKind kind,
            double[] perplexity,
            double[]? loss,
            long tokens,
            bool experts,
            string? domain = null,
            string? budget = null)
        {
            var metrics = loss is null ? null : Metrics(name, loss, tokens, experts, kind == ModelKind.Bam);
            return new()
            {
                Name = name,
                Kind = kind,
                Domain = domain,
                Budget = budget,
                Experts = experts ? Experts : null,
                Perplexity = ByDomain(perplexity),
                BitsPerByte = ByDomain([.. perplexity.Select(x => Math.Log2(x) / 3.4)]),
                Tokens = Domains.ToDictionary(x => x, x => 40_000L + (x.Length * 1731)),
                MeanPerplexity = perplexity.Average(),
                ParametersTotal = experts ? 11_804_672 : 4_722_176,
                ParametersActive = experts ? 8_000_000 : 4_722_176,
                TrainingTokens = tokens,
                CoreSeconds = tokens / (experts ? 2300.0 : 8000.0) * 2,
                TokensPerSecond = loss is null ? 0 : experts ? 2300 : 8000,
                Flops = tokens * 6.0 * (experts ? 8e6 : 4.7e6),
                FractionOfPeak = metrics?.FractionOfPeak,
                History = metrics is null ? null : TrainingHistory.Of(metrics),
            };
        }
    }

    private static Dictionary<string, double> ByDomain(double[] values) =>
        Domains.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);

    private static MetricsLog Metrics(string name, double[] loss, long tokens, bool experts, bool gates)
    {
        const int Steps = 120;
        var random = new RandomStream(1, name);
        Span<float> noise = stackalloc float[Steps];
        random.FillNormal(noise, 0.06);
        var steps = new List<StepMetrics>();
        for (var i = 0; i < Steps; i++)
        {
            var part = (i + 1.0) / Steps;
            var nll = loss[^1] + ((loss[0] - loss[^1]) * Math.Exp(-5 * part)) + noise[i];
            steps.Add(new StepMetrics
            {
                Step = i + 1,
                Tokens = tokens * (i + 1) / Steps,
                Loss = nll + 0.05,
                Nll = nll,
                LoadBalancing = 1.1,
                RouterZ = 2,
                LearningRate = 3e-4,
                GradientNorm = 0.8,
                TokensPerSecond = 2300,
                FractionOfPeak = experts ? 0.52 : 0.44,
                CoreSeconds = i,
                Layers = experts ? [.. Enumerable.Range(0, Layers).Select(layer => Layer(layer, part, gates, name, i))] : null,
            });
        }

        var evaluation = new Dictionary<string, DomainEvaluation> { ["law"] = new(30.5, 3.4, 1.5, 1000) };
        return new(steps, [new EvaluationMetrics(Steps, evaluation)]);
    }

    private static LayerMetrics Layer(int layer, double part, bool gates, string name, int step) => new()
    {
        ByDomain = Domains.Index().ToDictionary(domain => domain.Item, domain =>
        {
            var random = new RandomStream(step, $"{name} {layer} {domain.Item}");
            return new DomainRouting
            {
                ExpertLoad = Shares(ref random, domain.Index, (1 + (0.4 * layer)) * part),
                AttentionGate = gates ? Shares(ref random, domain.Index, (1.2 - (0.3 * layer)) * part) : null,
            };
        }),
    };

    private static double[] Shares(ref RandomStream random, int domain, double preference)
    {
        var weights = new double[Experts.Length];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = Math.Exp((i == domain ? preference : 0) + (0.8 * random.NextDouble()));
        return [.. weights.Select(weight => weight / weights.Sum())];
    }
}
