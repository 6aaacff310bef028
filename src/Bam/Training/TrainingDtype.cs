namespace Bam.Training;

/// <summary>What the matrix products are computed in. Values, moments, router logits and every softmax stay float32.</summary>
public enum TrainingDtype
{
    /// <summary>IEEE single precision.</summary>
    Float32,

    /// <summary>The upper half of single precision.</summary>
    Bfloat16,
}
