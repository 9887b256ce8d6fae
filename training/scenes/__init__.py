"""Generated scenes: textured objects that move over photographs, with known ground truth.

    photographs   pictures to take backgrounds and textures from: files, frames of videos, generated ones
    outlines      random closed outlines, as masks
    motion        where an object is, how turned, how large and in which light, frame by frame
    scene         photograph, outline and motion to frames and the object's mask
    hard          scenes whose object is hard to follow, a kind per reason
    occlusion     scenes of the Video page: an object that rests, is hidden for a while, leaves and comes back

Used to train (`pretraining`) and to measure (`evaluation`). All randomness comes from the generator that is handed in.
"""
