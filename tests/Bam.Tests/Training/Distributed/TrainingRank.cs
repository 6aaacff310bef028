using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Bam.Evaluation;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training;
using Bam.Training.Distributed;

namespace Bam.Tests.Training.Distributed;

/// <summary>
/// One rank of a test: <c>COMMAND FILE…</c>, with torchrun's variables in the environment. Each command takes training files of
/// one layout; what it finds goes to standard output, one line each.
/// </summary>
internal static class TrainingRank
{
    /// <summary>Gives the tests' models several buckets of gradients in each block.</summary>
    private const long BucketSize = 6_000;

    private static int Main(string[] arguments)
    {
        var environment = DistributedEnvironment.Current();
        LibTorch.Load(new LibTorchOptions { Threads = 1 });
        try
        {
            if (arguments[0] == ExpertScenario.Name) ExpertScenario.Run(environment);
            else if (arguments[0] == "join") Join(arguments[1..], environment);
            else Together(arguments[0], arguments[1..], environment);
            return 0;
        }
        catch (Exception e) when (e is ProcessGroupException or InvalidInputException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    // As 'bam train' begins: each file has a world of its own, at the next port.
    private static void Join(string[] files, DistributedEnvironment environment)
    {
        var port = int.Parse(Environment.GetEnvironmentVariable("MASTER_PORT")!, CultureInfo.InvariantCulture);
        foreach (var file in files)
        {
            var own = file.Replace("RANK", $"{environment.Rank}", StringComparison.Ordinal);
            try
            {
                Trainer.Run(() => TrainingConfig.Load(own));
                Console.WriteLine("done");
            }
            catch (Exception e)
            {
                Console.WriteLine($"{e.GetType().Name}: {e.Message}");
            }

            Environment.SetEnvironmentVariable("MASTER_PORT", $"{++port}");
        }
    }

    private static void Together(string command, string[] files, DistributedEnvironment environment)
    {
        var configs = Array.ConvertAll(files, TrainingConfig.Load);
        using var layout = ParallelLayout.Join(environment, configs[0].Settings.Parallel, Device.Cpu);
        layout.BucketSize = BucketSize;
        foreach (var config in configs)
        {
            switch (command)
            {
                case "train":
                    Trainer.Run(config, new() { MeasurePeak = false }, Device.Cpu, layout);
                    break;
                case "steps":
                    Steps(config, layout);
                    break;
                case "evaluate":
                    Evaluate(config, layout);
                    break;
                case "copy":
                    Copy(config, layout);
                    break;
                default:
                    Act(command, config, layout);
                    break;
            }
        }
    }

    // The means of the first step's gradients that this rank holds, to a file; then all values after three steps.
    private static void Steps(TrainingConfig config, ParallelLayout layout)
    {
        var setup = RunSetup.Of(config, Device.Cpu, layout, SilentReporter.Instance);
        using var session = setup.CreateSession();
        setup.FillParameters(session.Model);
        session.Step(0);
        File.WriteAllBytes(
            $"{config.Output}.means-{layout.World.Rank}",
            MemoryMarshal.AsBytes<float>(session.Optimizer.Means.ToArray<float>()).ToArray());
        var last = Enumerable.Range(1, 2).Select(step => session.Step(step)).ToArray()[^1];
        var values = MemoryMarshal.AsBytes<float>(
            session.Model.Parameters.Values.ToArray<float>());
        Console.WriteLine(
            $"{Path.GetFileName(config.Output)}: {Convert.ToHexStringLower(SHA256.HashData(values))} {last.GradientNorm:R}");
    }

    // The totals of the held-out texts; of seven numbers in two texts, which this rank scored; and the end of a cancelled one.
    private static void Evaluate(TrainingConfig config, ParallelLayout layout)
    {
        var setup = RunSetup.Of(config, Device.Cpu, layout, SilentReporter.Instance);
        using var session = setup.CreateSession();
        setup.FillParameters(session.Model);
        using var texts = HeldOutDomains.Open(
            config.Data.Select(domain => (domain.Domain, domain.Validation!)), "evaluate_every");
        foreach (var (name, result) in Measure(CancellationToken.None))
            Console.WriteLine($"{name}: {result.TotalNll:R} nats of {result.Tokens} tokens");

        var divided = new DividedBatches(layout.Data, Device.Cpu);
        var scored = new List<int>();
        for (var i = 0; i < 7; i++)
        {
            var number = i;
            if (i is 0 or 4) divided.BeginText();
            divided.Score(() =>
            {
                scored.Add(number);
                return 0.1 * number;
            });
        }

        Console.WriteLine($"scored {string.Join(' ', scored)}, totals {string.Join(' ', divided.Complete())}");

        using var source = new CancellationTokenSource();
        if (layout.Data.Rank == layout.Data.Size - 1) source.Cancel();
        try
        {
            Measure(source.Token);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("cancelled");
        }

        IReadOnlyDictionary<string, PerplexityResult> Measure(CancellationToken cancellation) => texts.Measure(
            session.Model, new() { WindowLength = 16, BatchSize = 3 }, "evaluate", SilentReporter.Instance, cancellation,
            ranks: layout.Data);
    }

    // Reads the checkpoint after step 8, and writes it beside the run.
    private static void Copy(TrainingConfig config, ParallelLayout layout)
    {
        var setup = RunSetup.Of(config, Device.Cpu, layout, SilentReporter.Instance);
        using var session = setup.CreateSession();
        var state = TrainingCheckpoint.Load(Path.Combine(config.Output, "checkpoints", "step-8"), session);
        var copy = Directory.CreateDirectory($"{config.Output}-copy").FullName;
        if (layout.IsFirst) TrainingCheckpoint.Save(copy, session, state, setup.Companions);
        else TrainingCheckpoint.SendParts(session);
        layout.World.Barrier();
    }

    private static void Act(string command, TrainingConfig config, ParallelLayout layout)
    {
        using var source = new CancellationTokenSource();
        var options = new TrainerOptions
        {
            MeasurePeak = false,
            Cancellation = source.Token,
            Evaluation = new ActingEvaluation(() =>
            {
                if (layout.World.Rank < layout.World.Size - 1) return;
                if (command == "stop") source.Cancel();
                if (command != "wait") return;
                Console.WriteLine("ready");
                Thread.Sleep(Timeout.Infinite);
            }),
        };
        try
        {
            Trainer.Run(config, options, Device.Cpu, layout);
            Console.WriteLine("done");
        }
        catch (OperationCanceledException e)
        {
            Console.WriteLine(e.GetType().Name);
        }
    }

    /// <summary>Evaluates nothing, but is called between two steps.</summary>
    private sealed class ActingEvaluation(Action act) : IEvaluation
    {
        private int calls;

        public IReadOnlyDictionary<string, DomainEvaluation> Measure(
            LanguageModel model, ProcessGroup ranks, string activity, IReporter reporter, CancellationToken cancellation)
        {
            if (++calls == 1) act();
            return new Dictionary<string, DomainEvaluation>();
        }
    }
}
