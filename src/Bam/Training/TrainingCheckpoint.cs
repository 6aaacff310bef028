using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;
using Bam.Upcycling;

namespace Bam.Training;

/// <summary>
/// A checkpoint to resume from: a model directory like any other, with <c>optimizer.safetensors</c> (AdamW's moments as
/// exp_avg.NAME and exp_avg_sq.NAME, for the trained tensors) and <c>trainer_state.json</c>.
/// </summary>
internal static class TrainingCheckpoint
{
    /// <summary>The moments' file.</summary>
    public const string OptimizerFileName = "optimizer.safetensors";

    private const string MeanPrefix = "exp_avg.";
    private const string SquarePrefix = "exp_avg_sq.";

    /// <summary>Whether a checkpoint has a file of that name, relative to its directory.</summary>
    internal static bool IsName(string file) => file is OptimizerFileName or TrainerState.FileName || MixtureFiles.IsName(file);

    /// <summary>
    /// Writes a model without the moments into an existing directory: a run's result. The other processes call
    /// <see cref="SendModel"/>.
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    /// <exception cref="ProcessGroupException">A process is gone.</exception>
    public static void SaveModel(string directory, LanguageModel model, TrainerState state, CompanionFiles companions)
    {
        ModelCheckpoint.Save(model, directory);
        companions.WriteTo(directory);
        state.Save(directory);
    }

    /// <summary>
    /// Writes everything that resuming needs into an existing directory. The other processes call <see cref="SendParts"/>.
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    /// <exception cref="ProcessGroupException">A process is gone.</exception>
    public static void Save(string directory, TrainingSession session, TrainerState state, CompanionFiles companions)
    {
        var moments = StoredMoments(session);
        var values = ParameterLayout.FileOrder(session.Model.Config).Sum(p => p.Count);
        FreeSpace.Require(directory, sizeof(float) * (values + moments.Sum(m => m.Parameter.Count)));
        StoredTensor.Write(Path.Combine(directory, OptimizerFileName), moments, session.Model.Experts);
        SaveModel(directory, session.Model, state, companions);
    }

    /// <summary>
    /// On the processes that do not write: sends what <see cref="Save"/> of the first one asks for. An expert's shards of moments
    /// go to the first data-parallel process that has the expert, and from there to the first process.
    /// </summary>
    /// <exception cref="ProcessGroupException">The first process is gone.</exception>
    public static void SendParts(TrainingSession session)
    {
        var ranks = session.Model.Experts;
        if (session.Layout.Data.Rank == 0)
        {
            StoredTensor.Write(OptimizerFileName, StoredMoments(session), ranks);
            SendModel(session);
            return;
        }

        var gathering = new MomentGathering(session.Layout, session.Optimizer);
        foreach (var (_, buffer, slice) in MomentsOf(session))
            if (ranks.OwnerOf(slice.Parameter) == ranks.Group.Rank) gathering.Send(buffer, slice);
    }

    /// <summary>On the processes that do not write: sends what <see cref="SaveModel"/> of the first one asks for.</summary>
    /// <exception cref="ProcessGroupException">The first process is gone.</exception>
    public static void SendModel(TrainingSession session)
    {
        if (session.Layout.Data.Rank == 0) ModelCheckpoint.Save(session.Model, "");
    }

    /// <summary>Reads parameters and moments into the session, and returns the state.</summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged, or of another model.</exception>
    public static TrainerState Load(string directory, TrainingSession session)
    {
        var state = TrainerState.Load(directory);
        using var moments = SafetensorsFile.Open(Path.Combine(directory, OptimizerFileName));
        var gathering = new MomentGathering(session.Layout, session.Optimizer);
        foreach (var (name, buffer, slice) in MomentsOf(session))
        {
            var moment = moments[name];
            if (!moment.Shape.AsSpan().SequenceEqual(slice.Parameter.Shape))
                throw new InvalidInputException(
                    $"{moments.Path}: {name}: shape", TensorShape.Describe(slice.Parameter.Shape),
                    TensorShape.Describe(moment.Shape), "is it the right checkpoint?");
            gathering.ReadInto((start, values) => moments.ReadFloat32(moment, start, values), buffer, slice);
        }

        ModelCheckpoint.LoadInto(session.Model, directory, SilentReporter.Instance);
        return state;
    }

    // The moments of all trained tensors, those of other ranks' experts too, in the order of the file.
    private static StoredTensor[] StoredMoments(TrainingSession session)
    {
        var gathering = new MomentGathering(session.Layout, session.Optimizer);
        var own = MomentsOf(session).ToDictionary(moment => moment.Name);
        return
        [
            .. ParameterLayout.FileOrder(session.Model.Config)
                .Where(parameter => session.Trained.Contains(parameter.Name))
                .SelectMany(parameter => Names(parameter).Select(name => new StoredTensor(
                    name, parameter,
                    own.TryGetValue(name, out var moment)
                        ? stream => gathering.WriteTo(stream, moment.Buffer, moment.Slice)
                        : null))),
        ];
    }

    private static string[] Names(ParameterInfo parameter) => [MeanPrefix + parameter.Name, SquarePrefix + parameter.Name];

    // Each trained tensor's moments, as a slice of all moments, and the buffer that holds them or the shard's.
    private static IEnumerable<(string Name, Tensor Buffer, ParameterSlice Slice)> MomentsOf(TrainingSession session)
    {
        foreach (var slice in session.Model.Slices.Where(s => session.Trained.Contains(s.Parameter.Name)))
        {
            var moment = slice with { Offset = session.Optimizer.MomentOffsetOf(slice.Offset) };
            yield return (MeanPrefix + slice.Parameter.Name, session.Optimizer.Means, moment);
            yield return (SquarePrefix + slice.Parameter.Name, session.Optimizer.Squares, moment);
        }
    }
}
