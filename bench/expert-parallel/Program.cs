using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;
using Bam.Training.Optimization;

namespace Bam.Bench.ExpertParallel;

/// <summary>One process, or a rank of those that share a model's experts: trains on random tokens, prints a JSON line.</summary>
internal static class Program
{
    private static readonly Dictionary<string, Workload> Workloads = new()
    {
        // The model of the benchmark of training throughput.
        ["d256"] = new(8, Of(hidden: 256, layers: 4, heads: 4, vocabulary: 4096, length: 256)),
        ["d512"] = new(8, Of(hidden: 512, layers: 4, heads: 8, vocabulary: 4096, length: 256)),
        // Few tokens and a small vocabulary: the experts' parameters are the memory.
        ["parameters"] = new(1, Of(hidden: 1024, layers: 4, heads: 16, vocabulary: 1024, length: 64)),
    };

    private static void Main(string[] arguments)
    {
        var options = arguments.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        var (warmUp, steps) = (Number("--warm-up", 3), Number("--steps", 10));
        var workload = Workloads[options.GetValueOrDefault("--size", "d256")];
        LibTorch.Load(new() { Threads = Number("--threads", 0) });
        var place = DistributedEnvironment.Current();
        using var group = ProcessGroup.Open(place.GroupOptions(Device.Cpu, ProcessGroupOptions.DefaultTimeout));
        using var model = new LanguageModel(workload.Model, Device.Cpu, expertGroup: group);
        ModelInitializer.Initialize(model, seed: 1);
        using var optimizer = AdamW.For(model, model.Slices.Select(slice => slice.Parameter.Name).ToHashSet());
        var seconds = new double[warmUp + steps];
        for (var step = 0; step < seconds.Length; step++)
        {
            group.Barrier();
            var start = Stopwatch.GetTimestamp();
            Step(model, optimizer, workload, step);
            seconds[step] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Console.WriteLine(JsonSerializer.Serialize(new
        {
            rank = group.Rank,
            tokens_per_second = (double)workload.BatchSize * workload.Length * steps / seconds[warmUp..].Sum(),
            step_seconds = seconds[warmUp..],
            arena_bytes = sizeof(float) * (model.Parameters.Count * 2 + optimizer.Means.Count * 2),
            peak_resident_bytes = PeakResidentBytes(),
            threads = LibTorch.Info.Threads,
            libtorch = LibTorch.Info.Version,
        }));

        int Number(string option, int otherwise) =>
            options.TryGetValue(option, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private static void Step(LanguageModel model, AdamW optimizer, Workload workload, int step)
    {
        using var scope = TensorScope.Open();
        var random = new RandomStream(step, "tokens");
        var loss = model.Loss(Tokens(), Tokens());
        loss.Backward();
        model.SumPartialGradients();
        loss.Read();
        optimizer.Update(new AdamWStep(step + 1, 1e-3, 0.9, 0.95, 1e-8, 0.1, 1));

        Tensor Tokens()
        {
            var ids = new long[workload.BatchSize * workload.Length];
            for (var i = 0; i < ids.Length; i++) ids[i] = random.NextInt64(model.Config.VocabSize);
            return Tensor.From<long>(ids, [workload.BatchSize, workload.Length]);
        }
    }

    // The kernel's high-water mark, which includes memory that libtorch allocates.
    private static long PeakResidentBytes()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }

    private static ModelConfig Of(int hidden, int layers, int heads, int vocabulary, int length) => new()
    {
        VocabSize = vocabulary,
        HiddenSize = hidden,
        IntermediateSize = 2 * hidden,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = 64,
        MaxPositionEmbeddings = length,
        NumAttentionExperts = 4,
        NumLocalExperts = 4,
    };

    private sealed record Workload(int BatchSize, ModelConfig Model)
    {
        public int Length => Model.MaxPositionEmbeddings;
    }
}
