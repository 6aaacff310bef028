using Bam.Models;
using Bam.Torch;
using Bam.Training.Optimization;

namespace Bam.Training;

/// <summary>A model in training: one call makes one optimizer step. All calls come from one thread.</summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly TrainingSettings settings;
    private readonly LearningRateSchedule schedule;
    private readonly TrainingData data;

    /// <summary>Prepares a model for training.</summary>
    /// <param name="model">What to train, with its parameters; disposed of with the session.</param>
    /// <param name="data">What to train on; disposed of with the session.</param>
    /// <param name="settings">How to train.</param>
    /// <exception cref="InvalidInputException">A name pattern matches nothing, or the windows are longer than the model allows.</exception>
    public TrainingSession(LanguageModel model, TrainingData data, TrainingSettings settings)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.SequenceLength > model.Config.MaxPositionEmbeddings)
            throw new InvalidInputException(
                "key 'sequence_length'", $"at most the model's max_position_embeddings {model.Config.MaxPositionEmbeddings}",
                $"{settings.SequenceLength}", "shorten the windows");
        (Model, this.data, this.settings) = (model, data, settings);
        schedule = LearningRateSchedule.Of(settings);
        Trained = NamePatterns.Trained([.. model.Slices.Select(s => s.Parameter.Name)], settings);
        Optimizer = AdamW.For(model, Trained);
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The optimizer, with its moments.</summary>
    public AdamW Optimizer { get; }

    /// <summary>The checkpoint's names of the parameters that are trained.</summary>
    public IReadOnlySet<string> Trained { get; }

    /// <summary>Makes step s: forward and backward over its micro-batches, clipping, AdamW.</summary>
    /// <param name="step">s, counted from 0.</param>
    /// <param name="statistics">Receives where the routers sent the step's tokens.</param>
    /// <exception cref="WorkFailedException">The loss or the gradient norm is not finite; parameters and moments are as before.</exception>
    public StepResult Step(long step, RoutingStatistics? statistics = null)
    {
        var batch = data.Sampler.Draw(step);
        var parts = new StepLosses();
        for (var part = 0; part < settings.GradientAccumulation; part++)
        {
            using var scope = TensorScope.Open();
            var rows = MicroBatch.Of(batch, part, settings.GradientAccumulation);
            statistics?.BeginBatch(rows.Domains);
            var terms = Model.Loss(rows.Inputs(Model.Device), rows.Targets(Model.Device), statistics);
            // First: a GPU computes the gradients while the losses are waited for.
            Autograd.Backward(terms.Total);
            parts.Add(terms);
            if (!double.IsFinite(parts.Loss)) throw StepFailure.NotFinite(step, $"the loss is not finite ({parts})", batch, data.Names);
        }

        Model.Parameters.AssertGradientsInPlace();
        var norm = Optimizer.GradientNorm() / settings.GradientAccumulation;
        if (!double.IsFinite(norm)) throw StepFailure.NotFinite(step, $"the gradient norm is not finite ({parts})", batch, data.Names);
        var clipping = settings.ClipNorm is { } limit && norm > limit ? limit / norm : 1;
        var rate = schedule.RateAt(step);
        Optimizer.Update(settings.UpdateOf(step, rate, clipping / settings.GradientAccumulation));
        return new(parts.Loss, parts.Nll, parts.LoadBalancing, parts.RouterZ, norm, rate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Model.Dispose();
        data.Dispose();
    }
}
