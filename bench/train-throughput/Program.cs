using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Data;
using Bam.Evaluation;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Torch;
using Bam.Training;
using Bam.Training.Distributed;

namespace Bam.Bench;

/// <summary>
/// Bam's side of the benchmark: the Trainer's steps on random tokens; prints one JSON line, as peer.py does. With torchrun's
/// variables in the environment it is one of several data-parallel ranks, of which the first prints.
/// </summary>
internal static class Program
{
    // What a processor trains in seconds, and what fills a GPU.
    private static readonly Dictionary<string, Workload> Workloads = new()
    {
        ["tiny"] = new(BatchSize: 8, new()
        {
            VocabSize = 4096,
            HiddenSize = 128,
            IntermediateSize = 256,
            NumHiddenLayers = 4,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 4,
            HeadDim = 32,
            MaxPositionEmbeddings = 256,
            NumAttentionExperts = 4,
            NumLocalExperts = 4,
        }),
        ["small"] = new(BatchSize: 8, new()
        {
            VocabSize = 4096,
            HiddenSize = 256,
            IntermediateSize = 512,
            NumHiddenLayers = 4,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 4,
            HeadDim = 64,
            MaxPositionEmbeddings = 256,
            NumAttentionExperts = 4,
            NumLocalExperts = 4,
        }),
        ["medium"] = new(BatchSize: 8, new()
        {
            VocabSize = 4096,
            HiddenSize = 512,
            IntermediateSize = 1024,
            NumHiddenLayers = 4,
            NumAttentionHeads = 8,
            NumKeyValueHeads = 8,
            HeadDim = 64,
            MaxPositionEmbeddings = 256,
            NumAttentionExperts = 4,
            NumLocalExperts = 4,
        }),
        ["large"] = new(BatchSize: 8, new()
        {
            VocabSize = 32_768,
            HiddenSize = 1024,
            IntermediateSize = 2048,
            NumHiddenLayers = 8,
            NumAttentionHeads = 16,
            NumKeyValueHeads = 16,
            HeadDim = 64,
            MaxPositionEmbeddings = 1024,
            NumAttentionExperts = 4,
            NumLocalExperts = 4,
        }),
    };

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static void Main(string[] arguments)
    {
        var options = arguments.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        var (warmUp, steps) = (Number("--warm-up", 3), Number("--steps", 10));
        var workload = Workloads[options.GetValueOrDefault("--size", "small")];
        LibTorch.Load(new() { Threads = Number("--threads", 0) });
        var settings = new TrainingSettings
        {
            SequenceLength = workload.Length,
            BatchSize = workload.BatchSize,
            Steps = warmUp + steps,
            LearningRate = 1e-3,
            Device = options.GetValueOrDefault("--device", "cpu"),
            ShardOptimizer = options.ContainsKey("--shard-optimizer"),
            Dtype = Enum.Parse<TrainingDtype>(options.GetValueOrDefault("--dtype", "float32"), ignoreCase: true),
        };
        var directory = Directory.CreateTempSubdirectory("bam-bench-").FullName;
        try
        {
            using var layout = ParallelLayout.Join(DistributedEnvironment.Current(), null, Device.Parse(settings.Device));
            using var session = StartSession(directory, workload.Model, settings, layout);
            var seconds = new double[warmUp + steps];
            var loss = 0.0;
            for (var step = 0; step < seconds.Length; step++)
            {
                var start = Stopwatch.GetTimestamp();
                loss = session.Step(step).Loss;
                seconds[step] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }

            if (!layout.IsFirst) return;
            var scoring = layout.World.Size == 1 ? ScoringRate(session.Model, directory, settings, steps) : (double?)null;
            var measured = seconds[warmUp..];
            var info = LibTorch.Info;
            Console.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Form = "bam",
                    TokensPerSecond = settings.TokensPerStep * steps / measured.Sum(),
                    StepSeconds = measured,
                    ScoringTokensPerSecond = scoring,
                    Loss = loss,
                    Parameters = ModelSize.Of(workload.Model).Total,
                    FlopsPerToken = ModelFlops.Training(workload.Model, workload.Length),
                    Environment = new { info.Version, info.Threads, info.Blas, info.BlasFiles, Variables = info.Environment },
                },
                Json));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        int Number(string option, int otherwise) =>
            options.TryGetValue(option, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private static TrainingSession StartSession(
        string directory, ModelConfig config, TrainingSettings settings, ParallelLayout layout)
    {
        var prefix = Path.Combine(directory, "random");
        WriteTokens(prefix, config.VocabSize);
        var training = new TrainingConfig
        {
            Data = [new() { Domain = "random", Path = prefix }],
            Output = directory,
            Settings = settings,
        };
        var model = new LanguageModel(
            config, Device.Parse(settings.Device),
            settings.Dtype == TrainingDtype.Bfloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
        ModelInitializer.Initialize(model, seed: 1);
        return new(model, TrainingData.Open(training, config.VocabSize, tokenizer: null), training.Settings, layout);
    }

    // What 'bam eval perplexity' does with as many tokens as were trained on, in batches of as many; a first batch is not timed.
    private static double ScoringRate(LanguageModel model, string directory, TrainingSettings settings, int steps)
    {
        using var tokens = IndexedDataset.Open(Path.Combine(directory, "random"));
        var options = new PerplexityOptions
        {
            WindowLength = settings.SequenceLength,
            BatchSize = settings.BatchSize,
            MaxTargets = settings.TokensPerStep,
        };
        Perplexity.Measure(model, tokens, bytes: null, options);
        var start = Stopwatch.GetTimestamp();
        Perplexity.Measure(model, tokens, bytes: null, options with { MaxTargets = settings.TokensPerStep * steps });
        return settings.TokensPerStep * steps / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void WriteTokens(string prefix, int vocabulary)
    {
        var random = new RandomStream(2, "tokens");
        var tokens = new int[1 << 20];
        for (var i = 0; i < tokens.Length; i++) tokens[i] = (int)random.NextInt64(vocabulary);
        using var writer = new IndexedDatasetWriter(prefix, TokenType.UInt16);
        writer.Append(tokens);
        writer.Complete();
    }

    private sealed record Workload(int BatchSize, ModelConfig Model)
    {
        public int Length => Model.MaxPositionEmbeddings;
    }
}
