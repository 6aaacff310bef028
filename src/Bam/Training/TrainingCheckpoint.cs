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

    /// <summary>Writes a model without the moments into an existing directory: a run's result.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public static void SaveModel(string directory, LanguageModel model, TrainerState state, CompanionFiles companions)
    {
        ModelCheckpoint.Save(model, directory);
        companions.WriteTo(directory);
        state.Save(directory);
    }

    /// <summary>Writes everything that resuming needs into an existing directory.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public static void Save(string directory, TrainingSession session, TrainerState state, CompanionFiles companions)
    {
        var moments = MomentsOf(session).ToDictionary(m => m.Name);
        var gathering = new MomentGathering(session.Layout, session.Optimizer);
        FreeSpace.Require(directory, sizeof(float) * (session.Model.Parameters.Count + moments.Values.Sum(m => m.Slice.Count)));
        SafetensorsWriter.Write(
            Path.Combine(directory, OptimizerFileName),
            [.. moments.Values.Select(m => new TensorDeclaration(m.Name, TensorDtype.Float32, m.Slice.Parameter.Shape))],
            (declaration, stream) =>
            {
                var (_, buffer, slice) = moments[declaration.Name];
                gathering.WriteTo(stream, buffer, slice);
            });
        SaveModel(directory, session.Model, state, companions);
    }

    /// <summary>On the processes that do not write: sends what <see cref="Save"/> of the first one asks for.</summary>
    /// <exception cref="ProcessGroupException">The first process is gone.</exception>
    public static void SendParts(TrainingSession session)
    {
        var gathering = new MomentGathering(session.Layout, session.Optimizer);
        foreach (var (_, buffer, slice) in MomentsOf(session)) gathering.Send(buffer, slice);
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
