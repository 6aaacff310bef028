using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Data;
using Bam.Models;
using Bam.Numerics;
using Bam.Torch;
using Bam.Training;

namespace Bam.Bench;

/// <summary>Bam's side of the benchmark: the Trainer's steps on random tokens; prints one JSON line, as peer.py does.</summary>
internal static class Program
{
    private const int BatchSize = 8;
    private const int Length = 256;

    private static readonly ModelConfig Config = new()
    {
        VocabSize = 4096,
        HiddenSize = 256,
        IntermediateSize = 512,
        NumHiddenLayers = 4,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        HeadDim = 64,
        MaxPositionEmbeddings = Length,
        NumAttentionExperts = 4,
        NumLocalExperts = 4,
    };

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static void Main(string[] arguments)
    {
        var options = arguments.Chunk(2).ToDictionary(pair => pair[0], pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
        var (warmUp, steps) = (options.GetValueOrDefault("--warm-up", 3), options.GetValueOrDefault("--steps", 10));
        LibTorch.Load(new() { Threads = options.GetValueOrDefault("--threads") });
        var directory = Directory.CreateTempSubdirectory("bam-bench-").FullName;
        try
        {
            using var session = StartSession(directory, warmUp + steps);
            var seconds = new double[warmUp + steps];
            var loss = 0.0;
            for (var step = 0; step < seconds.Length; step++)
            {
                var start = Stopwatch.GetTimestamp();
                loss = session.Step(step).Loss;
                seconds[step] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }

            var measured = seconds[warmUp..];
            var info = LibTorch.Info;
            Console.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Form = "bam",
                    TokensPerSecond = BatchSize * Length * steps / measured.Sum(),
                    StepSeconds = measured,
                    Loss = loss,
                    Parameters = ModelSize.Of(Config).Total,
                    FlopsPerToken = ModelFlops.Training(Config, Length),
                    Environment = new { info.Version, info.Threads, info.Blas, info.BlasFiles, Variables = info.Environment },
                },
                Json));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static TrainingSession StartSession(string directory, int steps)
    {
        var prefix = Path.Combine(directory, "random");
        WriteTokens(prefix);
        var training = new TrainingConfig
        {
            Data = [new() { Domain = "random", Path = prefix }],
            Output = directory,
            Settings = new() { SequenceLength = Length, BatchSize = BatchSize, Steps = steps, LearningRate = 1e-3, Device = "cpu" },
        };
        var model = new LanguageModel(Config, Device.Cpu);
        ModelInitializer.Initialize(model, seed: 1);
        return new(model, TrainingData.Open(training, Config.VocabSize, tokenizer: null), training.Settings);
    }

    private static void WriteTokens(string prefix)
    {
        var random = new RandomStream(2, "tokens");
        var tokens = new int[1 << 20];
        for (var i = 0; i < tokens.Length; i++) tokens[i] = (int)random.NextInt64(Config.VocabSize);
        using var writer = new IndexedDatasetWriter(prefix, TokenType.UInt16);
        writer.Append(tokens);
        writer.Complete();
    }
}
