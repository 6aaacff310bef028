using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Bam.Checkpoints;
using Bam.Evaluation;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Torch.Functions;
using Bam.Training.Distributed;
using Bam.Training.Optimization;

namespace Bam.Tests.Training.Distributed;

/// <summary>
/// Each rank computes every variant twice, with its share of the experts and alone with all of them, and writes how far the two
/// are apart: one line for each variant and quantity.
/// </summary>
internal static class ExpertScenario
{
    public const string Name = "experts";

    /// <summary>Steps of AdamW.</summary>
    public const int Steps = 20;

    private const int NewTokens = 12;

    public static void Run(DistributedEnvironment environment)
    {
        using var group = ProcessGroup.Open(environment.GroupOptions(Device.Cpu, TimeSpan.FromMinutes(2)));
        foreach (var (name, config) in ExpertVariants.All)
        {
            using var variant = new Variant(name, config, group);
            variant.CompareFiles("first");
            variant.CompareFileInPieces();
            variant.CompareOutputs();
            variant.CompareGradients();
            variant.Train();
            variant.CompareGeneration();
            variant.CompareFiles("trained");
        }

        CompareFrozen(group);
        Refuse(group);
    }

    // Where only experts of the first rank are trained, the others' graphs have the same operations.
    private static void CompareFrozen(ProcessGroup group)
    {
        foreach (var (kind, end) in ((string, string)[])
            [("mlp", ""), ("self_attn", ""), ("mlp", ExpertVariants.Checkpointed)])
        {
            using var variant = new Variant($"only {kind} expert 0{end}", ExpertVariants.All["BAM"], group);
            bool IsTrained(ParameterSlice slice) =>
                slice.Parameter.Name.Contains($"{kind}.experts.0.", StringComparison.Ordinal);

            variant.TrainOnly(IsTrained);
            variant.CompareGradients(IsTrained);
        }
    }

    private static void Refuse(ProcessGroup group)
    {
        foreach (var config in (ModelConfig[])
            [TinyModels.Dense, TinyModels.Bam, TinyModels.Bam with { NumAttentionExperts = 1, NumLocalExperts = 9 }])
        {
            try
            {
                new LanguageModel(config, Device.Cpu, expertGroup: group).Dispose();
            }
            catch (InvalidInputException e)
            {
                var message = e.Message.Replace(": ", " = ", StringComparison.Ordinal);
                Console.WriteLine($"refusal of {config.NumAttentionExperts} and {config.NumLocalExperts} experts|: {message}");
            }
        }
    }

    private sealed class Variant : IDisposable
    {
        private readonly string name;
        private readonly LanguageModel whole;
        private readonly LanguageModel shared;

        public Variant(string name, ModelConfig config, ProcessGroup group)
        {
            this.name = name;
            var isCheckpointed = name.EndsWith(ExpertVariants.Checkpointed, StringComparison.Ordinal);
            whole = TinyModels.Create(config);
            shared = TinyModels.Create(config, activationCheckpointing: isCheckpointed, expertGroup: group);
            Write("parameters", (double)shared.Parameters.Count / whole.Parameters.Count);
        }

        public void TrainOnly(Func<ParameterSlice, bool> isTrained)
        {
            foreach (var model in (LanguageModel[])[whole, shared])
            {
                var arena = model.Parameters;
                foreach (var stack in arena.Names)
                {
                    var (start, end) = (arena.OffsetOf(stack), arena.OffsetOf(stack) + arena[stack].Count);
                    arena[stack].RequiresGrad = model.Slices.Any(
                        slice => isTrained(slice) && slice.Offset >= start && slice.Offset < end);
                }
            }
        }

        public void CompareOutputs()
        {
            using var scope = TensorScope.Open();
            using var noGrad = NoGrad.Enter();
            var ids = TinyModels.Ids(3, 10);
            Write("logits", Distance(whole.Logits(ids).ToArray<float>(), shared.Logits(ids).ToArray<float>()));

            var text = TinyModels.Ids(1, 100, seed: 5).ToArray<long>().Select(id => (int)id).ToArray();
            var options = new PerplexityOptions { WindowLength = 9, BatchSize = 4 };
            var (expected, found) = (Measure(whole), Measure(shared));
            Write("perplexity", Math.Abs(found / expected - 1));

            double Measure(LanguageModel model) =>
                Perplexity.Measure(model, text, bytes: 100, options, CancellationToken.None).Perplexity;
        }

        public void CompareGradients(Func<ParameterSlice, bool>? isCompared = null)
        {
            var (expected, found) = (Backward(whole), Backward(shared));
            Write("loss", Math.Max(Relative(expected.Loss, found.Loss), Relative(expected.Nll, found.Nll)));
            Write(
                "router losses",
                Math.Max(Relative(expected.LoadBalancing, found.LoadBalancing), Relative(expected.RouterZ, found.RouterZ)));
            var ofWhole = whole.Slices.ToDictionary(slice => slice.Parameter.Name);
            Write("gradients", shared.Slices.Where(isCompared ?? (_ => true)).Select(slice => Distance(
                ModelCheckpoint.Read(whole.Parameters.Gradients, ofWhole[slice.Parameter.Name]),
                ModelCheckpoint.Read(shared.Parameters.Gradients, slice))).DefaultIfEmpty(0).Max());
            whole.Parameters.ZeroGradients();
            shared.Parameters.ZeroGradients();
        }

        public void Train()
        {
            using AdamW ofWhole = AdamW.For(whole, Names(whole)), ofShared = AdamW.For(shared, Names(shared));
            var distance = 0.0;
            var statistics = new RoutingStatistics[2];
            for (var step = 1; step <= Steps; step++)
            {
                for (var i = 0; i < 2; i++) statistics[i] = new RoutingStatistics(whole.Config, domains: 1);
                var expected = Backward(whole, step, statistics[0]);
                var found = Backward(shared, step, statistics[1]);
                distance = Math.Max(distance, Relative(expected.Loss, found.Loss));
                var update = new AdamWStep(step, 1e-3, 0.9, 0.95, 1e-8, 0.1, 1);
                ofWhole.Update(update);
                ofShared.Update(update);
            }

            Write("losses in training", distance);
            Write("routing", statistics[0].Layers.Zip(statistics[1].Layers, RoutingDistance).Max());
            Write("replicas", Hash(slice => slice.Parameter.Expert < 0));
        }

        public void CompareGeneration()
        {
            var (expected, found) = (Generate(whole), Generate(shared));
            Write("generation", expected.SequenceEqual(found) ? 0 : 1);
        }

        /// <summary>What the ranks write together, one process reads and writes again: the same bytes.</summary>
        public void CompareFiles(string when)
        {
            using var directory = new TemporaryDirectory();
            var (ofRanks, ofOne) = (directory["ranks"], directory["one"]);
            foreach (var path in (string[])[ofRanks, ofOne]) Directory.CreateDirectory(path);
            ModelCheckpoint.Save(shared, ofRanks);
            if (shared.Experts.Group.Rank > 0) return;
            if (when == "trained") ModelCheckpoint.LoadInto(whole, ofRanks, SilentReporter.Instance);
            ModelCheckpoint.Save(whole, ofOne);
            var same = Directory.GetFiles(ofOne).All(
                file => File.ReadAllBytes(file).AsSpan().SequenceEqual(
                    File.ReadAllBytes(Path.Combine(ofRanks, Path.GetFileName(file)))));
            Write($"files, {when}", same ? 0 : 1);
        }

        /// <summary>Pieces of few numbers, with the embeddings of more than one.</summary>
        public void CompareFileInPieces()
        {
            using var directory = new TemporaryDirectory();
            var (ofRanks, ofOne) = (directory["ranks"], directory["one"]);
            WriteTo(ofRanks, shared);
            if (shared.Experts.Group.Rank > 0) return;
            WriteTo(ofOne, whole);
            Write("files, in pieces", File.ReadAllBytes(ofRanks).AsSpan().SequenceEqual(File.ReadAllBytes(ofOne)) ? 0 : 1);

            static void WriteTo(string path, LanguageModel model)
            {
                var slices = model.Slices.ToDictionary(slice => slice.Parameter.Name);
                StoredTensor.Write(
                    path,
                    [.. ParameterLayout.FileOrder(model.Config).Select(parameter => new StoredTensor(
                        $"exp_avg.{parameter.Name}", parameter,
                        slices.TryGetValue(parameter.Name, out var slice)
                            ? stream => ModelCheckpoint.WriteTo(stream, model.Parameters.Values, slice, pieceLength: 64)
                            : null))],
                    model.Experts, pieceLength: 100);
            }
        }

        public void Dispose()
        {
            whole.Dispose();
            shared.Dispose();
        }

        private static Losses Backward(LanguageModel model, int seed = 1, RoutingStatistics? statistics = null)
        {
            using var scope = TensorScope.Open();
            statistics?.BeginBatch([0, 0, 0]);
            var ids = TinyModels.Ids(3, 8, seed);
            var targets = TinyModels.Ids(3, 8, seed + 1000).ToArray<long>();
            targets[1] = targets[20] = LinearCrossEntropyFunction.IgnoreIndex;
            var loss = model.Loss(ids, Tensor.From<long>(targets, [3, 8]), statistics);
            loss.Backward();
            model.SumPartialGradients();
            model.Parameters.AssertGradientsInPlace();
            return loss.Read();
        }

        private static long[] Generate(LanguageModel model)
        {
            using var cache = model.CreateCache(8 + NewTokens);
            using var scope = TensorScope.Open();
            var ids = new List<long>(TinyModels.Ids(1, 8, seed: 9).ToArray<long>());
            long[] next = [.. ids];
            while (ids.Count < 8 + NewTokens)
            {
                next = [model.NextLogits(Tensor.From<long>(next, [1, next.Length]), cache).ArgMax().Item<long>()];
                ids.Add(next[0]);
            }

            return [.. ids];
        }

        private static double RoutingDistance(LayerRouting expected, LayerRouting found) =>
            ((double[]?[])[expected.ExpertLoad(), expected.AttentionGate()])
                .Zip((double[]?[])[found.ExpertLoad(), found.AttentionGate()])
                .SelectMany(pair => (pair.First ?? []).Zip(pair.Second ?? [], (x, y) => Math.Abs(x - y)))
                .DefaultIfEmpty(0).Max();

        private static HashSet<string> Names(LanguageModel model) => [.. model.Slices.Select(slice => slice.Parameter.Name)];

        private string Hash(Func<ParameterSlice, bool> isHashed)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var slice in shared.Slices.Where(isHashed))
                hash.AppendData(MemoryMarshal.AsBytes<float>(ModelCheckpoint.Read(shared.Parameters.Values, slice)));
            return Convert.ToHexString(hash.GetHashAndReset());
        }

        // Relative to the largest entry; of zeros, absolute.
        private static double Distance(float[] expected, float[] found)
        {
            var largest = expected.Max(Math.Abs);
            return expected.Zip(found, (x, y) => Math.Abs((double)x - y)).Max() / (largest == 0 ? 1 : largest);
        }

        private static double Relative(double expected, double found) =>
            expected == found ? 0 : Math.Abs(found - expected) / Math.Abs(expected);

        private void Write(string what, double value) => Write(what, value.ToString("g4", CultureInfo.InvariantCulture));

        private void Write(string what, string value) => Console.WriteLine($"{name}| {what}: {value}");
    }
}
