using System.Reflection;
using Bam.Checkpoints;
using Bam.Configuration;
using Bam.Files;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Training.Distributed;
using Bam.Upcycling;

namespace Bam.Training;

/// <summary>What a configuration means on this machine: device, threads, model sizes, and the run's identity.</summary>
internal sealed class RunSetup
{
    private readonly TrainingConfig config;
    private readonly ParallelLayout layout;
    private Tokenizer? tokenizer;

    private RunSetup(
        TrainingConfig config, Device device, ParallelLayout layout, IReporter reporter, CancellationToken cancellation)
    {
        (this.config, this.layout) = (config, layout);
        Device = device;
        ModelConfig = ModelSource.ConfigOf(config, reporter);
        ExpertParallelism.Require(ModelConfig, layout.Experts.Size);
        var model = config.Model is { } start ? ModelPath.Of(start).Base : null;
        ReadTokenizer(config.Tokenizer ?? model, isNamed: config.Tokenizer is not null, reporter);
        if (model is not null) AddCompanionsOf(model);
        // Faults of the data come before the run's directory.
        using (var data = TrainingData.Open(config, ModelConfig.VocabSize, tokenizer, cancellation))
        {
            if (tokenizer is not null) data.CheckBeginTokens(tokenizer, ModelConfig.BosTokenId, reporter);
        }

        Identity = new()
        {
            ConfigSha256 = ConfigWriter.Fingerprint(config),
            ModelSha256 = ModelSource.HashOf(config),
            Data = TrainingData.IdentitiesOf(config),
            Compute = new()
            {
                Code = typeof(RunSetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
                    .InformationalVersion,
                LibTorch = LibTorch.Info.Version,
                Blas = LibTorch.Info.Blas,
                Threads = LibTorch.Threads,
                Device = device.ToString(),
                CpuFeatures = LibTorch.Info.CpuFeatures,
                Layout = DescribeLayout(),
            },
        };
    }

    public Device Device { get; }

    /// <summary>The threads that core-seconds count, of all processes.</summary>
    public int Threads => Identity.Compute.Threads * layout.World.Size;

    /// <summary>B·T.</summary>
    public long TokensPerStep => config.Settings.TokensPerStep;

    /// <summary>The model's sizes, with the run's weights of the router losses.</summary>
    public ModelConfig ModelConfig { get; }

    /// <summary>What the run's result depends on.</summary>
    public RunIdentity Identity { get; }

    /// <summary>
    /// What every checkpoint holds besides the model: the tokenizer and its files, the generation settings, and
    /// the record of how a mixture was made.
    /// </summary>
    public CompanionFiles Companions { get; } = new();

    /// <summary>Loads libtorch, and finds where this process computes: GPU n for the nth process of a machine.</summary>
    /// <exception cref="InvalidInputException">The key 'device' is wrong, or there are more processes than GPUs.</exception>
    public static Device DeviceOf(TrainingSettings settings, int localRank = 0)
    {
        LibTorch.Load(new LibTorchOptions { Threads = settings.Threads ?? 0 });
        try
        {
            return Device.Parse(settings.Device, localRank);
        }
        catch (FormatException e)
        {
            throw new InvalidInputException($"key 'device': {e.Message}", e);
        }
    }

    /// <summary>Loads libtorch and reads what the configuration names.</summary>
    /// <exception cref="InvalidInputException">A file or directory that it names is missing or wrong.</exception>
    public static RunSetup Of(TrainingConfig config, IReporter reporter, CancellationToken cancellation = default) =>
        Of(config, DeviceOf(config.Settings), ParallelLayout.Alone(), reporter, cancellation);

    /// <summary>Reads what the configuration names, as one of several processes.</summary>
    /// <exception cref="InvalidInputException">A file or directory that it names is missing or wrong.</exception>
    public static RunSetup Of(
        TrainingConfig config, Device device, ParallelLayout layout, IReporter reporter, CancellationToken cancellation = default)
    {
        if (config.Settings.Threads is { } threads && threads != LibTorch.Threads)
            reporter.Warn($"key 'threads': {threads} is ignored, this process computes with {LibTorch.Threads} already");
        if (config.Settings.Dtype == TrainingDtype.Bfloat16 && device.IsCpu && !LibTorch.Info.HasFastBfloat16)
            reporter.Warn(
                "key 'dtype': bfloat16 is slower than float32 here: libtorch 2 or newer and a processor with AVX512-BF16 or AMX "
                + $"multiply fast in it, this is libtorch {LibTorch.Info.Version} on {LibTorch.Info.CpuFeatures}");
        RequireParts(config.Settings, layout);
        if (config.Settings.WarmupSteps >= config.Settings.TotalSteps)
            reporter.Warn(
                $"key 'warmup_steps': {config.Settings.WarmupSteps} is not below the run's {config.Settings.TotalSteps} steps, "
                + "so that the learning rate only rises");
        return new RunSetup(config, device, layout, reporter, cancellation);
    }

    /// <summary>
    /// Refuses a model that the processor's memory cannot hold for all processes of this machine, and warns of activations that
    /// it cannot; a GPU says so itself.
    /// </summary>
    /// <exception cref="InvalidInputException">It cannot; the largest size is named.</exception>
    public void RequireMemory(IReporter reporter)
    {
        if (!Device.IsCpu || MachineMemory.Bytes() is not { } available) return;
        var shards = config.Settings.ShardOptimizer ? layout.Data.Size : 1;
        MemoryRule.Check(ModelConfig, config, available, shards, layout.Experts.Size, layout.LocalSize);
        if (MemoryRule.WarningOf(ModelConfig, config, available, layout.Data.Size, layout.LocalSize) is { } warning)
            reporter.Warn(warning);
    }

    /// <summary>Allocates the model, its moments and opens the data; the parameters are zero.</summary>
    public TrainingSession CreateSession()
    {
        var data = TrainingData.Reopen(config, ModelConfig.VocabSize);
        var type = config.Settings.Dtype == TrainingDtype.Bfloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        var model = new LanguageModel(ModelConfig, Device, type, expertGroup: layout.Experts)
        {
            ActivationCheckpointing = config.Settings.ActivationCheckpointing,
        };
        try
        {
            return new TrainingSession(model, data, config.Settings, layout);
        }
        catch
        {
            model.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>Gives the model the parameters it starts from.</summary>
    /// <exception cref="InvalidInputException">The starting checkpoint is damaged.</exception>
    public void FillParameters(LanguageModel model)
    {
        if (config.Model is { } directory) ModelCheckpoint.LoadInto(model, directory, SilentReporter.Instance);
        else ModelInitializer.Initialize(model, config.InitSeed);
    }

    /// <summary>Takes files that were deleted since the run began from one of its checkpoints.</summary>
    public void UseCompanionsOf(string checkpoint)
    {
        if (tokenizer is null) ReadTokenizer(checkpoint, isNamed: false, SilentReporter.Instance);
        AddCompanionsOf(checkpoint);
    }

    private static void RequireParts(TrainingSettings settings, ParallelLayout layout)
    {
        var (accumulation, processes) = (settings.GradientAccumulation, layout.Data.Size);
        if (settings.BatchSize % ((long)accumulation * processes) != 0)
            throw new InvalidInputException(
                "key 'batch_size'", $"a multiple of gradient_accumulation {accumulation} × {processes} data-parallel processes",
                $"{settings.BatchSize}", "correct one of the two keys, or start another number of processes");
    }

    // What changes the rounding of sums, or the load-balancing loss.
    private string? DescribeLayout()
    {
        if (layout.Description is not { } description) return null;
        var divided = config.Settings.ShardOptimizer ? ", shard_optimizer" : "";
        var balance = config.Settings.LoadBalancingOver == LoadBalancingScope.Batch ? "" : ", load_balancing_over micro_batch";
        return description + divided + balance;
    }

    private void AddCompanionsOf(string model)
    {
        Companions.Add(model, MixtureRecord.FileName);
        GenerationSettings.AddTo(Companions, model, ModelConfig.EosTokenIds);
        if (config.Tokenizer is null || Companions.HoldsSame(model, TokenizerFile.FileName))
            Companions.Add(model, TokenizerFile.NamesIn(model));
    }

    // A model without a tokenizer can be trained; a tokenizer that the file names must be there.
    private void ReadTokenizer(string? path, bool isNamed, IReporter reporter)
    {
        if (path is null) return;
        var file = Directory.Exists(path) ? Path.Combine(path, TokenizerFile.FileName) : path;
        if (!isNamed && !File.Exists(file)) return;
        tokenizer = Tokenizer.Load(file);
        tokenizer.RequireFits(ModelConfig.VocabSize, $"{file}: the model", reporter);
        if (file == path) Companions.AddAs(TokenizerFile.FileName, file);
        else Companions.Add(path, TokenizerFile.NamesIn(path));
    }
}
